/** Times and values as an officer reads them. */
import { i18n, label } from './index'
import { ago, now } from '../state/clock'

const t = i18n.global.t

export function agoText(at: string | number): string {
  const { unit, n } = ago(at, now.value)
  return t(`ago.${unit}`, { n })
}

export function spanText(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  if (s < 60) return t('span.seconds', { n: s })
  if (s < 3600) return t('span.minutes', { n: Math.floor(s / 60) })
  return t('span.hours', { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) })
}

const UNITS: readonly [RegExp, string][] = [
  [/_mg_m3$/, 'mg/m³'],
  [/_kmh$/, 'km/h'],
  [/_km$/, 'km'],
  [/_deg$/, '°'],
  [/_min$/, 'min'],
  [/_s$/, 's'],
  [/_h$/, 'h'],
  [/_m$/, 'm'],
  [/_a$/, 'A'],
  [/_pct$/, '%'],
]

export const unitOf = (name: string): string => UNITS.find(([ending]) => ending.test(name))?.[1] ?? ''

/** What was measured, without the unit that its value carries beside it. */
export const measureName = (name: string): string => (unitOf(name) ? label(name).replace(/\s*[（(][^（()）]*[)）]$/, '') : label(name))

/** 1234.5 → 1,235; 0.456 → 0.46; enough digits to compare, no more. */
export function numberText(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '—'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return new Intl.NumberFormat('en-GB', { maximumFractionDigits: digits }).format(value)
}

export const measureText = (name: string, value: number | null | undefined): string =>
  value === null || value === undefined ? '—' : `${numberText(value)} ${unitOf(name)}`.trim()

/** A lead's move as what an officer does: the state it leads to is named elsewhere. */
export const moveText = (from: string, to: string): string =>
  t(`lead.move.${to === 'assigned' && from === 'unfounded' ? 'reopened' : to === 'confirmed' && from === 'transferred' ? 'takenBack' : to}`)
