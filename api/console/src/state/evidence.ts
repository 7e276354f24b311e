/** An alert's evidence as rows: what was measured, beside the threshold it was held against. */
import type { Evidence } from '../api/types'

export interface EvidenceRow {
  name: string
  value: number | null
  /** The threshold's own name; null where the measurement has none. */
  limitName: string | null
  limit: number | null
  /** Seconds since 1970 rather than a quantity. */
  instant: boolean
}

/** Thresholds that go by another name than what is measured; the first one that is there counts. */
const LIMIT_OF: Record<string, readonly string[]> = {
  mean_mg_m3: ['limit_mg_m3'],
  max_mean_mg_m3: ['limit_mg_m3'],
  distance_m: ['corridor_m'],
  max_distance_m: ['corridor_m'],
  speed_kmh: ['speed_limit_kmh', 'limit_kmh'],
  max_speed_kmh: ['speed_limit_kmh', 'limit_kmh'],
  valid_count: ['expected_count'],
}

const EPOCH_S = 1_000_000_000

export function evidenceRows(evidence: Evidence): EvidenceRow[] {
  const values = evidence.values ?? {}
  const thresholds = evidence.rule?.thresholds ?? {}
  const known = { ...values, ...thresholds }
  const used = new Set<string>()
  const rows: EvidenceRow[] = []
  for (const [name, value] of Object.entries(values)) {
    if (value === null) continue
    const kindName = `${evidence.rule?.kind}_${name}`
    const limitName =
      (name in thresholds ? name : undefined) ??
      (kindName in thresholds ? kindName : undefined) ??
      LIMIT_OF[name]?.find((other) => typeof known[other] === 'number') ??
      null
    if (limitName && limitName !== name) used.add(limitName)
    const instant = name.endsWith('_s') && value > EPOCH_S
    rows.push({ name, value, limitName, limit: limitName ? known[limitName]! : null, instant })
  }
  const measured = rows.filter((row) => !used.has(row.name))
  for (const [name, limit] of Object.entries(thresholds)) {
    if (!used.has(name) && !(name in values)) measured.push({ name, value: null, limitName: name, limit, instant: false })
  }
  return measured
}
