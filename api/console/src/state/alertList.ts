/** The feed's order and what it may show, apart from any component. */
import type { Alert, Severity } from '../api/types'

export interface AlertFilter {
  severities: readonly Severity[]
  kinds: readonly string[]
  openOnly: boolean
}

export const isActive = (alert: Alert): boolean => alert.state === 'open' || alert.state === 'acked'

export function passes(alert: Alert, filter: AlertFilter): boolean {
  return (
    (!filter.openOnly || isActive(alert)) &&
    (filter.severities.length === 0 || filter.severities.includes(alert.severity)) &&
    (filter.kinds.length === 0 || filter.kinds.includes(alert.kind))
  )
}

export const newestFirst = (a: Alert, b: Alert): number =>
  b.opened_at === a.opened_at ? b.id - a.id : b.opened_at < a.opened_at ? -1 : 1

/**
 * What the feed shows while the officer is reading it: rows already there stay where they are, changed
 * or not; those that came since are counted instead of pushed in under the pointer.
 */
export function held(shown: readonly number[], wanted: readonly Alert[]): { ids: number[]; waiting: number } {
  const known = new Set(shown)
  return { ids: [...shown], waiting: wanted.filter((alert) => !known.has(alert.id)).length }
}
