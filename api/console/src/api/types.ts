/** What the HTTP API and the stream send; see docs/api.md. Times are RFC 3339 strings in UTC. */

export type Severity = 'critical' | 'major' | 'minor' | 'info'
export const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor', 'info']

export type AlertState = 'open' | 'acked' | 'cleared' | 'dismissed' | 'withdrawn'

export const KINDS = [
  'illegal_dumping', 'unpermitted_haul', 'unlicensed_loading', 'no_go_entry', 'signal_loss', 'off_route',
  'undelivered_load', 'outside_hours', 'uncovered_load', 'overspeed', 'loaded_stop', 'device_offline', 'device_fault',
  'fume_exceedance', 'purifier_off', 'purifier_degraded', 'monitor_offline', 'monitor_suspect', 'camera_event', 'hotline_event', 'shopfront_event',
] as const

export interface Page<T> { items: T[]; next_cursor: string | null }

export interface User { name: string; role: string }
export interface Token { access_token: string; token_type: 'bearer'; expires_in: number; user: User }

export type Labels = Record<string, { zh: string; en: string }>

export interface VehiclePosition {
  device_id: string
  plate: string
  company_id: string | null
  kind: string
  ts: string | null
  lat: number | null
  lon: number | null
  speed_kmh: number | null
  heading_deg: number | null
  load: number | null
  lift: boolean | null
  cover: string | null
  ignition: boolean | null
  quality: string | null
  loaded: boolean | null
  site_id: string | null
  alert: Severity | null
}

export interface Vehicle {
  plate: string
  company_id: string | null
  company_name: string | null
  kind: string
  vin: string | null
  capacity_m3: number | null
  tare_t: number | null
  gross_t: number | null
  status: string
  device_id: string | null
  latest: Partial<VehiclePosition> | null
}

export type Geometry = { type: string; coordinates: unknown }

export interface Site {
  site_id: string
  name: string
  kind: 'source' | 'disposal' | 'transfer' | 'parking' | 'no_go'
  geometry: Geometry
  radius_m: number | null
  valid_from: string | null
  valid_to: string | null
  hours: string | null
}
export interface Route { route_id: string; name: string; corridor_m: number; geometry: Geometry }
export interface Road { road_id: string; name: string; speed_limit_kmh: number | null; geometry: Geometry }
export interface Jurisdiction { code: string; name: string; squad: string | null; geometry: Geometry }
export interface Company { company_id: string; name: string; status: string; phone: string | null }
export interface Permit {
  permit_id: string
  company_id: string
  source_site_id: string
  disposal_site_id: string | null
  route_id: string | null
  valid_from: string | null
  valid_to: string | null
  hours: string | null
  plates: string[]
  volume_m3: number | null
}

export interface Outlet {
  outlet_id: string
  name: string
  address: string | null
  lat: number | null
  lon: number | null
  scale: string | null
  hours: string | null
  cleaned_on: string | null
  device_id: string | null
  effective_limit_mg_m3: number | null
  latest: {
    ts: string
    fume_mg_m3: number | null
    fan_on: boolean | null
    purifier_on: boolean | null
    quality: string | null
  } | null
  alert: Severity | null
}

export interface Reading {
  ts: string
  fume_mg_m3: number | null
  fan_on: boolean | null
  purifier_on: boolean | null
  quality: string | null
}

export interface EvidenceFix {
  ts: string
  lat: number
  lon: number
  speed_kmh?: number | null
  load?: number | null
  lift?: boolean | null
  quality?: string | null
}

export interface Evidence {
  rule?: { kind: string; version: string; thresholds: Record<string, number> }
  registry_version?: number
  values?: Record<string, number | null>
  score_terms?: { name: string; weight: number; value: number }[]
  permit_id?: string | null
  site_id?: string | null
  fixes?: EvidenceFix[]
  samples?: Reading[]
  /** Of alerts that other systems told. */
  event?: { source: string; event_id: string; kind?: string; text?: string; link?: string; picture_sha256?: string }
  near?: NearVehicle[]
  /** Of a copy: the monitor whose readings are repeated, and when it said them. */
  copied_from?: { device_id: string; outlet_id: string | null; outlet_name: string | null; from: string; to: string }
}

export interface MealHours {
  scope: 'default' | 'trade' | 'outlet'
  subject: string
  valid_from: string
  hours: string
  confirmed: boolean
  source: string
}

export interface Alert {
  id: number
  kind: string
  severity: Severity
  score: number
  state: AlertState
  device_id: string
  plate: string | null
  outlet_id: string | null
  outlet_name: string | null
  company_id: string | null
  company_name: string | null
  opened_at: string
  updated_at: string
  cleared_at: string | null
  started_at: string
  lat: number | null
  lon: number | null
  jurisdiction: string | null
  jurisdiction_name: string | null
  summary_zh: string
  summary_en: string
  evidence?: Evidence
  lead_id: number | null
  rule_version: string
  registry_version?: number
  note: string | null
  acked_by: string | null
  dismissed_by: string | null
  dismiss_code: string | null
  escalated_at: string | null
  escalated_to: string | null
  group_id: number | null
}

export interface Lead {
  id: number
  state: string
  kind: string
  severity: Severity
  title_zh: string
  title_en: string
  device_id: string | null
  plate: string | null
  outlet_id: string | null
  outlet_name: string | null
  company_id: string | null
  company_name: string | null
  jurisdiction: string | null
  lat: number | null
  lon: number | null
  opened_at: string
  updated_at: string
  created_by: string
  squad: string | null
  assignee: string | null
  receiver: string | null
  decision: { kind: string; amount_yuan: number | null; document_no: string; articles: string } | null
  outcome: string | null
  due_on: string | null
  due_basis: string | null
  overdue: boolean
  merged_into: number | null
  split_from: number | null
  review_levels: string[]
  review_round: number
  reviews: Review[]
  next_level: string | null
  /** Of one lead, not of a list. */
  laws?: Law[]
  alerts: number[]
  next: string[]
}

export interface Review { round: number; level: string; verdict: string; reviewer: string; note: string; at: string }
export interface ReviewLevel { level: string; label_zh: string; label_en: string; roles: string[] }

export interface Photo {
  hash: string
  content_type: string
  bytes: number
  name: string
  note: string
  uploaded_by: string
  uploaded_at: string
  taken_at: string | null
  from_place_m: number | null
  time_agrees: boolean | null
  place_agrees: boolean | null
}

export interface JournalEntry {
  seq: number
  at: string
  actor: string
  action: string
  detail: Record<string, unknown>
  prev_hash: string
  hash: string
}

export interface Overview {
  at: string
  vehicles: { total: number; online: number; moving: number; loaded: number }
  outlets: { total: number; online: number; fan_on: number; purifier_off: number }
  alerts: { open_by_kind: Record<string, number>; open_by_severity: Record<string, number>; today: number }
  leads: { by_state: Record<string, number> }
}

export interface Track {
  type: 'Feature'
  geometry: { type: 'LineString'; coordinates: [number, number][] }
  properties: {
    plate: string
    times: string[]
    speed_kmh: (number | null)[]
    load: (number | null)[]
    lift: (boolean | null)[]
    quality: string[]
    truncated: boolean
  }
}

export interface StreamEvent {
  id: number
  type: string
  at: string
  alert?: Alert
  lead?: Lead
  vehicles?: VehiclePosition[]
}

export const RECEIVERS = ['police', 'traffic_police', 'procuratorate', 'ecology', 'other_district'] as const
export const DECISIONS = ['penalty', 'warning', 'no_penalty', 'case_withdrawn'] as const
export const OUTCOMES = ['executed', 'corrected', 'not_executed', 'feedback_received', 'other'] as const

export const DISMISS_CODES = [
  'permitted_place', 'register_outdated', 'position_error', 'sensor_fault', 'traffic', 'maintenance', 'not_unlawful', 'duplicate', 'other',
] as const

export interface AlertLine {
  id: number
  kind: string
  severity: Severity
  plate: string | null
  outlet_id: string | null
  device_id: string
  opened_at: string
  acked_by: string | null
  escalated_at: string | null
  lead_id: number | null
}
export interface GroupLine { id: number; kind: string; cause: string; cause_value: string | null; alerts: number; open: number; lead_id: number | null }
export interface LeadLine { id: number; kind: string; severity: Severity; state: string; plate: string | null; outlet_id: string | null; squad: string | null; assignee: string | null; due_on: string | null; overdue: boolean }
export interface HandoverItems { since: string | null; open: AlertLine[]; acked: AlertLine[]; groups: GroupLine[]; leads: LeadLine[] }
export interface Handover { id: number; at: string; given_by: string; note: string; items: HandoverItems; taken_by: string | null; taken_at: string | null }

export interface KitchenMonth {
  outlet_id: string
  name: string
  fume_mg_m3: number | null
  over_min: number | null
  compliance_rate: number | null
  linkage_rate: number | null
  online_rate: number | null
  meal_online_rate: number | null
  valid_rate: number | null
  power_protection_min: number | null
  cleaned_on: string | null
  purifier_h_since_cleaning: number | null
}

export interface StreetFigures {
  code: string | null
  name: string | null
  outlets: number
  measured: number
  never_over: number
  compliance_rate: number | null
  linkage_rate: number | null
}

export interface KitchenFinding {
  id: number
  day: string
  device_id: string
  outlet_name: string | null
  kind: string
  explained: Record<string, number | string>
}

export interface CorrectionOrder {
  id: number
  outlet_id: string
  outlet_name: string | null
  what: string
  due_on: string
  state: string
}

export interface Law {
  id: string
  violation_zh: string
  violation_en: string
  articles: string[]
  authority_zh: string
  authority_en: string
  fine_min_yuan: number | null
  fine_max_yuan: number | null
  confirmed: boolean
}
export interface LawTable { discretion: { base: number; note: string; factors: Record<string, { share: number; zh: string; en: string }> } }
export interface Worksheet { id: number; made_by: string; made_at: string; factors: string[]; suggested_yuan: number | null; amount_yuan: number | null; note: string }
export interface Transfer {
  id: number
  lead_id: number
  created_at: string
  direction: 'out' | 'in'
  what: 'lead' | 'case'
  party: string
  party_name: string
  basis: string
  state: 'sent' | 'received' | 'answered' | 'sent_back'
  due_on: string
  receipt_no: string | null
  answer_due_on: string | null
  answer: string | null
  return_reason: string | null
  overdue: boolean
}
export interface NearVehicle { plate: string | null; device_id: string; ts: string; from_place_m: number; named: boolean }

export interface Officer { name: string; role: string; squad: string | null }
export interface AlertGroup { id: number; kind: string; cause: string; cause_value: string | null; first_at: string; last_at: string; alerts: number; active: number; lead_id: number | null }
export interface Trace { lead_id: number; why: string; on: string; points: number; counts_until: string }
export type CreditSubject = 'companies' | 'vehicles' | 'outlets'
export const CREDIT_SUBJECTS: readonly CreditSubject[] = ['companies', 'vehicles', 'outlets']
export interface Credit { id: string; name: string; status: string | null; score: number; grade: string; penalties: number; traces: Trace[] }
export interface CreditScheme { edition: string; note: string; full: number; window_days: number; points: Record<string, number>; grades: Record<string, number> }
export interface ReviewDue { company_id: string; name: string; kind: string; status: string; review_due: string; overdue: boolean }
export interface Proposal { subject: 'companies' | 'vehicles'; id: string; name: string; penalties: number; leads: number[]; basis: string }
export interface Draw {
  id: number
  at: string
  made_by: string
  hash: string
  record: {
    seed: string
    count: number
    officers_each: number
    method: string
    about: { targets: CreditSubject; on: string }
    pool: { targets: Record<string, string>; officers: string[] }
    pool_sha256: string
    drawn: { target: string; officers: string[] }[]
  }
}
export interface Webhook { id: number; name: string; url: string; types: string[]; last_id: number; waiting: number; dead: number; arrived_at: string | null; error: string | null; created_by: string; created_at: string }
export interface Arrival { id: number; outbox_id: number; type: string; stream: string; attempts: number; arrived_at: string }
export interface DeadLetter { id: number; outbox_id: number; stream: string; attempts: number; error: string | null; held: number; body: { type?: string; at?: string } }
export const EVENT_TYPES = ['alert.opened', 'alert.updated', 'alert.cleared', 'alert.withdrawn', 'lead.changed'] as const
export interface TimeLimit { severity: Severity; ack_within_s: number; escalate_to: string }
export interface Deadline { subject: string; days: number; counted: 'working' | 'calendar'; basis: string; as_of: string; confirmed: boolean }
export interface OfficeDay { day: string; working: boolean; known: boolean; note: string | null }
export interface Channel { name: string; kind: string; language: string; quiet_from: string | null; quiet_to: string | null; waiting: number; error: string | null }
export interface Subscription { id: number; channel: string; owner: string; events: string[]; kinds: string[]; severities: string[]; jurisdictions: string[]; squads: string[] }
export const OCCASIONS = ['alert.opened', 'alert.escalated', 'lead.opened', 'lead.moved'] as const
export interface Message { id: number; channel: string; text: string; at: string; due_at: string; attempts: number; sent_at: string | null; error: string | null }
export interface AuditEntry { id: number; at: string; who: string; role: string; method: string; path: string; lead_id: number | null; alert_id: number | null }
export interface Device {
  device_id: string
  kind: 'vehicle' | 'fume'
  bound_to: string | null
  serial: string | null
  interval_s: number | null
  status: string
  installed_on: string | null
  online: boolean | null
  firmware: string | null
  online_since: string | null
  offline_since: string | null
}
export interface DeviceCommand { id: number; body: { type: string } & Record<string, unknown>; created_by: string; created_at: string; attempts: number; sent_at: string | null; state: string; acked_at: string | null }
export interface Quarantined { id: number; received_at: string; reason: string; detail: string | null; payload_bytes: number; payload_text: string; resolved_at: string | null }
export interface DeviceFaults {
  doubted: { hour: string; quality: string; readings: number }[]
  refused: { hour: string; reason: string; readings: number }[]
  refused_newest: Quarantined[]
  findings: { day: string; code: string; detail: unknown }[]
}
export interface Hotspot {
  rank: number
  weight: number
  lat: number
  lon: number
  radius_m: number
  dumpings: number
  stops: number
  vehicles: Record<string, number>
  days: string[]
  patrol_hours: string[]
  last_at: string
  jurisdiction: string | null
  alerts: number[]
}
