/** Colours that mean something, one place. Every one of them is doubled by a shape or a word where it is used. */
import type { Severity, Site } from '../api/types'
import type { VehicleState } from '../state/vehicleState'

export const SEVERITY_COLOUR: Record<Severity, string> = {
  critical: '#ff4d4f',
  major: '#ff9d2e',
  minor: '#f5d547',
  info: '#6fb1ff',
}

export const VEHICLE_COLOUR: Record<VehicleState, string> = {
  loaded: '#2fd6c3',
  empty: '#a9bccf',
  stopped: '#7f93a8',
  stale: '#55657a',
}

export const SITE_COLOUR: Record<Site['kind'], string> = {
  source: '#c596ff',
  disposal: '#5ccb85',
  transfer: '#5aa5ff',
  parking: '#8b9bad',
  no_go: '#ff6b6b',
}

export type OutletState = 'exceeding' | 'purifier_off' | 'on' | 'off' | 'silent'
export const OUTLET_STATES: readonly OutletState[] = ['exceeding', 'purifier_off', 'on', 'off', 'silent']
export const OUTLET_COLOUR: Record<OutletState, string> = {
  // One reading over the limit is no finding: red is kept for what is.
  exceeding: '#f5d547',
  purifier_off: '#ff9d2e',
  on: '#8fd3a6',
  off: '#64748a',
  silent: '#4a5768',
}
