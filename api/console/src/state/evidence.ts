/** An alert's evidence as rows: what was measured, beside the threshold it was held against. */
import type { Evidence } from '../api/types'

export interface Measurement {
  name: string
  value: number
  /** The threshold's own name; null where the measurement has none. */
  limitName: string | null
  limit: number | null
  /** Seconds since 1970 rather than a quantity. */
  instant: boolean
}

/** Thresholds go by other names than what is measured; the first that is there counts. */
const LIMITS_OF: Record<string, readonly string[]> = {
  distance_m: ['corridor_m'],
  max_distance_m: ['corridor_m'],
  mean_mg_m3: ['limit_mg_m3'],
  max_mean_mg_m3: ['limit_mg_m3'],
  load: ['loaded_load'],
  stop_s: ['tip_stop_s'],
  valid_count: ['expected_count'],
  duration_s: ['{kind}_s', 'undelivered_s', 'uncovered_s', 'offline_s'],
  speed_kmh: ['limit_kmh', 'uncovered_kmh', 'signal_loss_kmh'],
  fixes: ['{kind}_fixes', 'no_go_fixes'],
}

/** Terms of the score and their weights: shown as bars, not as measurements. */
const isScore = (name: string): boolean => name.startsWith('term_') || name.startsWith('score_')
const EPOCH_S = 1_000_000_000

export function measurements(evidence: Evidence): Measurement[] {
  const values = evidence.values ?? {}
  const known: Record<string, number | null> = { ...values, ...evidence.rule?.thresholds }
  const limits = new Set<string>()
  const rows: Measurement[] = []
  for (const [name, value] of Object.entries(values)) {
    if (value === null || isScore(name)) continue
    const others = (LIMITS_OF[name] ?? []).map((other) => other.replace('{kind}', evidence.rule?.kind ?? ''))
    const limitName = others.find((other) => typeof known[other] === 'number') ?? null
    if (limitName) limits.add(limitName)
    rows.push({ name, value, limitName, limit: limitName === null ? null : known[limitName]!, instant: name.endsWith('_s') && value > EPOCH_S })
  }
  return rows.filter((row) => !limits.has(row.name))
}

/** The rule's other thresholds, for whoever asks. */
export function otherThresholds(evidence: Evidence): [string, number][] {
  const shown = new Set(measurements(evidence).map((row) => row.limitName))
  return Object.entries(evidence.rule?.thresholds ?? {}).filter(([name]) => !isScore(name) && !shown.has(name))
}
