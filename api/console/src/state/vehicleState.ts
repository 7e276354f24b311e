/** What a vehicle's last position says it is doing. */
import type { VehiclePosition } from '../api/types'

export type VehicleState = 'loaded' | 'empty' | 'stopped' | 'stale'
export const VEHICLE_STATES: readonly VehicleState[] = ['loaded', 'empty', 'stopped', 'stale']

/** Under this a vehicle stands (contract, section 4: stopped). */
export const STANDING_KMH = 5
/** Silent for longer than this, its place is history, not news. Parked terminals report every five minutes or so. */
export const STALE_MS = 10 * 60_000
const LOADED_SHARE = 0.3

export const isLoaded = (vehicle: Partial<VehiclePosition>): boolean =>
  vehicle.loaded ?? (vehicle.load ?? 0) >= LOADED_SHARE

export function vehicleState(vehicle: Partial<VehiclePosition>, nowMs: number): VehicleState {
  if (!vehicle.ts || nowMs - Date.parse(vehicle.ts) > STALE_MS) return 'stale'
  if ((vehicle.speed_kmh ?? 0) < STANDING_KMH) return 'stopped'
  return isLoaded(vehicle) ? 'loaded' : 'empty'
}
