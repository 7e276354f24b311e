import { describe, expect, test } from 'vitest'
import { backoffMs, LAST_DELAY_MS } from '../src/api/stream'
import type { Alert } from '../src/api/types'
import { held, newestFirst, passes } from '../src/state/alertList'
import { ago, clockTime, day } from '../src/state/clock'
import { measurements, otherThresholds } from '../src/state/evidence'
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

  test('is stale after ten minutes of silence, or if never heard', () => {
    expect(vehicleState({ ts: seen(STALE_MS), speed_kmh: 40, loaded: false }, NOW)).toBe('empty')
    expect(vehicleState({ ts: seen(STALE_MS + 1), speed_kmh: 40, loaded: false }, NOW)).toBe('stale')
    expect(vehicleState({}, NOW)).toBe('stale')
  })
})

describe('evidence', () => {
  const evidence = (kind: string, values: Record<string, number | null>, thresholds: Record<string, number> = {}) => ({
    values,
    rule: { kind, version: '1', thresholds },
  })
  const rows = (...args: Parameters<typeof evidence>) => measurements(evidence(...args)).map((row) => [row.name, row.value, row.limitName, row.limit])

  test('shows a duration beside the one its rule asks for', () => {
    expect(rows('off_route', { duration_s: 75 }, { off_route_s: 60 })).toEqual([['duration_s', 75, 'off_route_s', 60]])
    expect(rows('overspeed', { duration_s: 75 }, { off_route_s: 60 })).toEqual([['duration_s', 75, null, null]])
  })

  test('finds a limit among the values too, and does not repeat it as a measurement', () => {
    expect(rows('off_route', { max_distance_m: 240, corridor_m: 100 })).toEqual([['max_distance_m', 240, 'corridor_m', 100]])
  })

  test('leaves out what was not measured, and the terms of the score', () => {
    expect(rows('illegal_dumping', { distance_m: null, term_lift: 1, load_after: 0 })).toEqual([['load_after', 0, null, null]])
  })

  test('knows an instant from a duration', () => {
    expect(measurements({ values: { window_start_s: 1_795_000_000, duration_s: 700 } }).map((row) => row.instant)).toEqual([true, false])
  })

  test('keeps the thresholds that nothing was held against apart, without the weights of the score', () => {
    expect(otherThresholds(evidence('off_route', { duration_s: 75 }, { off_route_s: 60, off_route_fixes: 3, score_night: 0.1 }))).toEqual([['off_route_fixes', 3]])
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
