/** Wall time for the whole console, by the second; and how instants are written: Asia/Shanghai, always. */
import { readonly, ref } from 'vue'

export const ZONE = 'Asia/Shanghai'

const seconds = ref(Date.now())
setInterval(() => (seconds.value = Date.now()), 1000)
export const now = readonly(seconds)

const part = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE, hourCycle: 'h23', ...options })
const CLOCK = part({ hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY = part({ year: 'numeric', month: '2-digit', day: '2-digit' })

/** 03:07:05 */
export const clockTime = (at: string | number): string => CLOCK.format(new Date(at))
/** 2026-11-25 */
export const day = (at: string | number): string => DAY.format(new Date(at))
/** 11-25 03:07:05, for instants that may be of another day. */
export const dayTime = (at: string | number): string => `${day(at).slice(5)} ${clockTime(at)}`

/** The instant a day of Asia/Shanghai (2026-11-25) begins, or one `after` days later; summer time there is none. */
export const startOfDay = (text: string, after = 0): string => new Date(Date.parse(`${text}T00:00:00+08:00`) + after * 86_400_000).toISOString()

export type Ago = { unit: 'now' | 'seconds' | 'minutes' | 'hours' | 'days'; n: number }

/** How long before `until` (ms) `at` was, in the largest whole unit. */
export function ago(at: string | number, until: number): Ago {
  const s = Math.max(0, Math.floor((until - new Date(at).getTime()) / 1000))
  if (s < 5) return { unit: 'now', n: 0 }
  if (s < 60) return { unit: 'seconds', n: s }
  if (s < 3600) return { unit: 'minutes', n: Math.floor(s / 60) }
  if (s < 86_400) return { unit: 'hours', n: Math.floor(s / 3600) }
  return { unit: 'days', n: Math.floor(s / 86_400) }
}
