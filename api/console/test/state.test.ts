import { describe, expect, test } from 'vitest'
import { backoffMs, LAST_DELAY_MS } from '../src/api/stream'
import type { Alert, JournalEntry } from '../src/api/types'
import { held, newestFirst, passes } from '../src/state/alertList'
import { ago, clockTime, day } from '../src/state/clock'
import { evidenceRows } from '../src/state/evidence'
import { reviewLevel } from '../src/state/review'
import { STALE_MS, vehicleState } from '../src/state/vehicleState'

const NOW = Date.parse('2026-11-24T19:07:05Z')
const alert = (id: number, more: Partial<Alert> = {}): Alert =>
  ({ id, kind: 'overspeed', severity: 'minor', state: 'open', opened_at: '2026-11-24T19:00:00Z', ...more }) as Alert

describe('the feed', () => {
  test('keeps every row where it is while it is read, and counts what came since', () => {
    const wanted = [alert(9), alert(8), alert(3), alert(1)]
    expect(held([3, 2, 1], wanted)).toEqual({ ids: [3, 2, 1], waiting: 2 })
  })

  test('puts the newest first, and of one instant the one opened last', () => {
    const older = alert(7, { opened_at: '2026-11-24T18:59:59Z' })
    expect([older, alert(1), alert(2)].sort(newestFirst).map((a) => a.id)).toEqual([2, 1, 7])
  })

  test('counts an acknowledged alert as open, and a cleared one not', () => {
    const filter = { severities: [], kinds: [], openOnly: true }
    expect((['open', 'acked', 'cleared', 'dismissed', 'withdrawn'] as const).map((state) => passes(alert(1, { state }), filter)))
      .toEqual([true, true, false, false, false])
  })

  test('filters by severity and kind together', () => {
    const filter = { severities: ['critical' as const], kinds: ['illegal_dumping'], openOnly: false }
    expect(passes(alert(1, { severity: 'critical', kind: 'illegal_dumping' }), filter)).toBe(true)
    expect(passes(alert(1, { severity: 'critical' }), filter)).toBe(false)
    expect(passes(alert(1, { kind: 'illegal_dumping' }), filter)).toBe(false)
  })
})

describe('a vehicle', () => {
  const seen = (agoMs: number) => new Date(NOW - agoMs).toISOString()

  test('that moves is told apart by its load', () => {
    expect(vehicleState({ ts: seen(0), speed_kmh: 40, load: 0.3, loaded: null }, NOW)).toBe('loaded')
    expect(vehicleState({ ts: seen(0), speed_kmh: 40, load: 0.29, loaded: null }, NOW)).toBe('empty')
  })

  test('is loaded when the engine says so, whatever its sensor reads', () => {
    expect(vehicleState({ ts: seen(0), speed_kmh: 40, load: null, loaded: true }, NOW)).toBe('loaded')
  })

  test('under 5 km/h is stopped', () => {
    expect(vehicleState({ ts: seen(0), speed_kmh: 4.9, loaded: true }, NOW)).toBe('stopped')
    expect(vehicleState({ ts: seen(0), speed_kmh: 5, loaded: true }, NOW)).toBe('loaded')
  })

  test('is stale after five minutes of silence, or if never heard', () => {
    expect(vehicleState({ ts: seen(STALE_MS), speed_kmh: 40, loaded: false }, NOW)).toBe('empty')
    expect(vehicleState({ ts: seen(STALE_MS + 1), speed_kmh: 40, loaded: false }, NOW)).toBe('stale')
    expect(vehicleState({}, NOW)).toBe('stale')
  })
})

describe('evidence', () => {
  const rows = (values: Record<string, number | null>, thresholds: Record<string, number>) =>
    evidenceRows({ values, rule: { kind: 'off_route', version: '1', thresholds } }).map((row) => [row.name, row.value, row.limitName, row.limit])

  test('shows a measurement beside the threshold of its own name', () => {
    expect(rows({ duration_s: 75 }, { duration_s: 60 })).toEqual([['duration_s', 75, 'duration_s', 60]])
  })

  test('finds a threshold under another name, also among the values, and does not repeat it', () => {
    expect(rows({ max_distance_m: 240, corridor_m: 100 }, {})).toEqual([['max_distance_m', 240, 'corridor_m', 100]])
  })

  test('shows a threshold that nothing was measured against, and leaves out what was not measured', () => {
    expect(rows({ speed_kmh: null }, { min_fixes: 3 })).toEqual([['min_fixes', null, 'min_fixes', 3]])
  })

  test('knows an instant from a duration', () => {
    expect(evidenceRows({ values: { window_start_s: 1_795_000_000, duration_s: 700 } }).map((row) => row.instant)).toEqual([true, false])
  })
})

describe('a filed lead', () => {
  const entries = (...details: Record<string, unknown>[]) => details.map((detail, n) => ({ seq: n + 1, detail }) as unknown as JournalEntry)

  test('begins its review with the handler', () => {
    expect(reviewLevel(entries({ to: 'filed' }))).toBe('handler')
  })

  test('goes on to the level after the last approval', () => {
    expect(reviewLevel(entries({ to: 'filed' }, { to: 'review', level: 'handler', verdict: 'approve' }))).toBe('squad_leader')
  })

  test('begins anew after a return', () => {
    const back = { to: 'review', level: 'squad_leader', verdict: 'return' }
    expect(reviewLevel(entries({ to: 'filed' }, { to: 'review', level: 'handler', verdict: 'approve' }, back))).toBe('handler')
  })
})

describe('time', () => {
  test('is written in Asia/Shanghai wherever the browser is', () => {
    expect([day(NOW), clockTime(NOW)]).toEqual(['2026-11-25', '03:07:05'])
  })

  test('since an event is its largest whole unit, and never negative', () => {
    const units = [-3, 4, 59, 60, 3599, 3600, 86_400].map((s) => ago(NOW - s * 1000, NOW))
    expect(units.map(({ unit, n }) => `${n} ${unit}`)).toEqual(['0 now', '0 now', '59 seconds', '1 minutes', '59 minutes', '1 hours', '1 days'])
  })
})

test('reconnecting waits longer each time, up to a limit, and never quite in step with others', () => {
  const middle = [0, 1, 2, 3, 4, 50].map((attempt) => backoffMs(attempt, 0.5))
  expect(middle).toEqual([1000, 2000, 4000, 8000, LAST_DELAY_MS, LAST_DELAY_MS])
  expect(backoffMs(1, 0)).toBeLessThan(backoffMs(1, 1))
})
