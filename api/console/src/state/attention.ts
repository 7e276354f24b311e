/** What is due to a critical alert nobody has acknowledged: the tab says so, and the bell rings again until somebody does. */
import { computed, watch } from 'vue'
import { i18n } from '../i18n'
import { newestFirst } from './alertList'
import { activeAlerts } from './live'
import { sound } from './preferences'
import { ring } from './ring'
import { SEVERITIES, type Alert } from '../api/types'

export const RING_EVERY_MS = 30_000

const open = computed(() => activeAlerts.value.filter((alert) => alert.state === 'open'))
export const openCritical = computed(() => open.value.filter((alert) => alert.severity === 'critical').length)

/** What to look at next: the worst severity first, of one severity what has waited longest; after `current`, if it is among them. */
export function nextOpen(alerts: readonly Alert[], current: number | null): Alert | undefined {
  const queue = [...alerts].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || newestFirst(b, a))
  const at = queue.findIndex((alert) => alert.id === current)
  return queue[at + 1] ?? queue.find((alert) => alert.id !== current)
}
export const nextAlert = (current: number | null): Alert | undefined => nextOpen(open.value, current)

/** Until it is called, the answer keeps title and bell going. */
export function watchCritical(): () => void {
  const stopTitle = watch(
    [openCritical, i18n.global.locale],
    ([n]) => (document.title = `${n ? `(${n}) ` : ''}${i18n.global.t('app.title')}`),
    { immediate: true },
  )
  const timer = setInterval(() => openCritical.value > 0 && sound.value && ring(), RING_EVERY_MS)
  return () => {
    stopTitle()
    clearInterval(timer)
    document.title = i18n.global.t('app.title')
  }
}
