/**
 * The live picture: positions, alerts, figures and the state of the connection. Vehicles are kept
 * outside Vue's reactivity (700 of them, changing every second); the map is told about changes.
 */
import { computed, reactive, ref, shallowRef, triggerRef } from 'vue'
import { get, getAll } from '../api/http'
import { openStream } from '../api/stream'
import type { Alert, Lead, Outlet, Overview, StreamEvent, VehiclePosition } from '../api/types'
import { isActive } from './alertList'
import { session } from './session'

const OVERVIEW_EVERY_MS = 10_000
const OUTLETS_EVERY_MS = 60_000

export const vehicles = new Map<string, VehiclePosition>()
export const outlets = shallowRef<Outlet[]>([])
export const alerts = shallowRef(new Map<number, Alert>())
export const overview = ref<Overview>()
/** The newest change of a lead, for pages that show leads. */
export const leadChange = shallowRef<Lead>()
/** The newest critical alert that this console saw being opened. */
export const newCritical = shallowRef<Alert>()

export const connection = reactive({
  up: false,
  /** When the stream was lost (ms), or when we began to try. */
  since: Date.now(),
  /** When the newest positions arrived (ms), and the newest time a device wrote in them. */
  heardAt: 0,
  deviceTime: 0,
  /** Our clock minus the server's, ms. */
  skew: 0,
})
export const serverNow = (): number => Date.now() - connection.skew

export const activeAlerts = computed(() => [...alerts.value.values()].filter(isActive))

type Listener = (changed: Iterable<VehiclePosition>) => void
const listeners = new Set<Listener>()

/** Hear of every change of positions; the answer stops it. */
export function onPositions(listener: Listener): () => void {
  listeners.add(listener)
  listener(vehicles.values())
  return () => listeners.delete(listener)
}

function movePositions(changed: VehiclePosition[]): void {
  for (const vehicle of changed) {
    vehicles.set(vehicle.device_id, vehicle)
    if (vehicle.ts) connection.deviceTime = Math.max(connection.deviceTime, Date.parse(vehicle.ts))
  }
  connection.heardAt = Date.now()
  for (const listener of listeners) listener(changed)
}

/** Takes an alert in unless a newer state of it is known. */
export function putAlert(alert: Alert): void {
  const known = alerts.value.get(alert.id)
  if (known && known.updated_at > alert.updated_at) return
  alerts.value.set(alert.id, { ...known, ...alert })
  triggerRef(alerts)
}

async function resume(): Promise<number> {
  const latest = await get<{ at: string; event_id: number; vehicles: VehiclePosition[] }>('/vehicles/latest')
  connection.skew = Date.now() - Date.parse(latest.at)
  movePositions(latest.vehicles)
  const lists = await Promise.all([
    getAll<Alert>('/alerts', { state: 'open' }),
    getAll<Alert>('/alerts', { state: 'acked' }),
    get<{ items: Alert[] }>('/alerts', { limit: 200 }).then((page) => page.items),
  ])
  const fresh = new Map(lists.flat().map((alert) => [alert.id, alert]))
  // What closed long ago stays in the feed; what we hold as open and the server does not is gone.
  for (const [id, alert] of alerts.value) if (!fresh.has(id) && !isActive(alert)) fresh.set(id, alert)
  alerts.value = fresh
  return latest.event_id
}

function take(event: StreamEvent): void {
  if (event.vehicles) movePositions(event.vehicles)
  if (event.alert) {
    const isNew = !alerts.value.has(event.alert.id)
    putAlert(event.alert)
    if (isNew && event.type === 'alert.opened' && event.alert.severity === 'critical') newCritical.value = event.alert
    refreshSoon()
  }
  if (event.lead) {
    leadChange.value = event.lead
    refreshSoon()
  }
}

let soon: ReturnType<typeof setTimeout> | undefined
function refreshSoon(): void {
  soon ??= setTimeout(() => {
    soon = undefined
    void refreshOverview()
  }, 1000)
}

async function refreshOverview(): Promise<void> {
  overview.value = await get<Overview>('/stats/overview').catch(() => overview.value)
}

async function refreshOutlets(): Promise<void> {
  outlets.value = await getAll<Outlet>('/outlets').catch(() => outlets.value)
}

let stop: (() => void) | undefined

export function startLive(): void {
  if (stop) return
  connection.since = Date.now()
  const close = openStream({
    token: () => session.token,
    resume,
    event: take,
    connected(yes) {
      if (connection.up !== yes) connection.since = Date.now()
      connection.up = yes
    },
  })
  void refreshOverview()
  void refreshOutlets()
  const timers = [setInterval(refreshOverview, OVERVIEW_EVERY_MS), setInterval(refreshOutlets, OUTLETS_EVERY_MS)]
  stop = () => {
    close()
    timers.forEach(clearInterval)
  }
}

export function stopLive(): void {
  stop?.()
  stop = undefined
  vehicles.clear()
  alerts.value = new Map()
  outlets.value = []
  overview.value = undefined
  connection.up = false
  connection.heardAt = connection.deviceTime = 0
}
