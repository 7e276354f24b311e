/** The register's layers and the moving ones. Plain OpenLayers objects: nothing here is reactive. */
import Feature from 'ol/Feature'
import GeoJSON from 'ol/format/GeoJSON'
import CircleGeometry from 'ol/geom/Circle'
import type Geometry from 'ol/geom/Geometry'
import Point from 'ol/geom/Point'
import { fromCircle } from 'ol/geom/Polygon'
import VectorLayer from 'ol/layer/Vector'
import { fromLonLat } from 'ol/proj'
import VectorSource from 'ol/source/Vector'
import Fill from 'ol/style/Fill'
import Icon from 'ol/style/Icon'
import Stroke from 'ol/style/Stroke'
import Style from 'ol/style/Style'
import Text from 'ol/style/Text'
import type { Outlet, Severity, Site, VehiclePosition } from '../api/types'
import { SEVERITIES } from '../api/types'
import { register } from '../state/register'
import { type VehicleState, vehicleState } from '../state/vehicleState'
import { DENSITY, hatch, outletGlyph, severityRing, vehicleGlyph } from './glyphs'
import { type OutletState, SITE_COLOUR } from './palette'

export const FONT = '"Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif'

/** Metres per pixel under which names and plates are written. */
const NAMES_UNDER = 120
const SITE_NAMES_UNDER = 12
/** The many: where loads come from and where vehicles rest. */
const COMMON_SITES_UNDER = 50
const PLATES_UNDER = 9
const OUTLETS_UNDER = 60

const geojson = new GeoJSON({ featureProjection: 'EPSG:3857' })
const read = (geometry: unknown): Geometry => geojson.readGeometry(geometry)!

export function words(text: string, size: number, colour: string, extra: ConstructorParameters<typeof Text>[0] = {}): Text {
  return new Text({
    text,
    font: `${size}px ${FONT}`,
    fill: new Fill({ color: colour }),
    stroke: new Stroke({ color: '#0b1118', width: 3 }),
    ...extra,
  })
}

function layer(name: string, zIndex: number, options: Partial<ConstructorParameters<typeof VectorLayer>[0]> = {}) {
  const made = new VectorLayer({ source: new VectorSource(), zIndex, ...options })
  made.set('name', name)
  return made
}

/** A site's outline; a point with a radius becomes a circle of as many metres on the ground. */
function siteGeometry(site: Site): Geometry {
  const geometry = read(site.geometry)
  if (!(geometry instanceof Point)) return geometry
  const metre = 1 / Math.cos((site.geometry.coordinates as [number, number])[1] * (Math.PI / 180))
  return fromCircle(new CircleGeometry(geometry.getCoordinates(), (site.radius_m ?? 50) * metre), 48)
}

export interface RegisterLayers {
  jurisdictions: VectorLayer
  roads: VectorLayer
  routes: VectorLayer
  sites: VectorLayer
}

/** Streets and towns, key roads, permitted routes and sites, as the register has them now. `siteWord` gives a kind's one-letter sign. */
export function registerLayers(siteWord: (kind: Site['kind']) => string): RegisterLayers {
  const outline = new Stroke({ color: '#3b4f66', width: 1.2 })
  const jurisdictions = layer('jurisdictions', 0, {
    declutter: true,
    style: (feature, resolution) =>
      new Style({
        fill: new Fill({ color: feature.get('tint') as string }),
        stroke: outline,
        ...(resolution < NAMES_UNDER && { text: words(feature.get('label') as string, 13, '#6f859c') }),
      }),
  })
  register.jurisdictions.forEach((area, n) => {
    const feature = new Feature(read(area.geometry))
    feature.setProperties({ label: area.name, tint: n % 2 ? '#101a25' : '#131f2c' })
    jurisdictions.getSource()!.addFeature(feature)
  })

  const roads = layer('roads', 2, {
    declutter: true,
    style: (feature, resolution) => [
      new Style({ stroke: new Stroke({ color: '#3d4f63', width: resolution < 15 ? 5 : 2.6 }) }),
      new Style({
        stroke: new Stroke({ color: '#566b83', width: resolution < 15 ? 3 : 1.2 }),
        text: words(feature.get('label') as string, 12, '#93a7bc', { placement: 'line', overflow: false }),
      }),
    ],
  })
  for (const road of register.roads) {
    const feature = new Feature(read(road.geometry))
    feature.set('label', road.name)
    roads.getSource()!.addFeature(feature)
  }

  const routes = layer('routes', 3, {
    style: new Style({ stroke: new Stroke({ color: '#4f86c6aa', width: 1.3, lineDash: [6, 4] }) }),
  })
  for (const route of register.routes) {
    const feature = new Feature(read(route.geometry))
    feature.setId(route.route_id)
    routes.getSource()!.addFeature(feature)
  }

  const barred = hatch(SITE_COLOUR.no_go + '80')
  const sites = layer('sites', 4, {
    declutter: true,
    style: (feature, resolution) => {
      const site = feature.get('site') as Site
      const colour = SITE_COLOUR[site.kind]
      if (resolution > COMMON_SITES_UNDER && (site.kind === 'source' || site.kind === 'parking')) return undefined
      const named = resolution < SITE_NAMES_UNDER
      return [
        new Style({
          fill: new Fill({ color: site.kind === 'no_go' ? barred : colour + '33' }),
          stroke: new Stroke({ color: colour, width: 1.6, ...(site.kind === 'no_go' && { lineDash: [5, 4] }) }),
        }),
        new Style({
          text: words(named ? `${siteWord(site.kind)} ${site.name}` : siteWord(site.kind), named ? 12 : 11, colour, {
            overflow: true,
            font: `bold ${named ? 12 : 11}px ${FONT}`,
          }),
        }),
      ]
    },
  })
  for (const site of register.sites) {
    const feature = new Feature(siteGeometry(site))
    feature.setId(site.site_id)
    feature.set('site', site)
    sites.getSource()!.addFeature(feature)
  }
  return { jurisdictions, roads, routes, sites }
}

const icon = (img: HTMLCanvasElement, rotation = 0): Icon =>
  new Icon({ img, rotation, rotateWithView: true, scale: 1 / DENSITY })

const HEADING_STEP_DEG = 6
const styles = new Map<string, Style[]>()
const glyphs = new Map<string, HTMLCanvasElement>()

function once<T>(store: Map<string, T>, key: string, make: () => T): T {
  let made = store.get(key)
  if (made === undefined) store.set(key, (made = make()))
  return made
}

const Z: Record<VehicleState, number> = { stale: 1, stopped: 2, empty: 3, loaded: 4 }

/** Icon of a vehicle, shared by all that look alike. */
function vehicleStyle(state: VehicleState, heading: number, alert: Severity | null): Style[] {
  const turn = state === 'loaded' || state === 'empty' ? Math.round(heading / HEADING_STEP_DEG) * HEADING_STEP_DEG : 0
  return once(styles, `${state}|${turn}|${alert}`, () => {
    const picture = once(glyphs, state, () => vehicleGlyph(state))
    const zIndex = Z[state] + (alert ? 10 * (4 - SEVERITIES.indexOf(alert)) : 0)
    const made = [new Style({ image: icon(picture, (turn * Math.PI) / 180), zIndex })]
    if (alert) {
      const ring = once(glyphs, `ring ${alert}`, () => severityRing(alert))
      made.unshift(new Style({ image: icon(ring), zIndex }))
    }
    return made
  })
}

export interface FleetLayers {
  icons: VectorLayer
  plates: VectorLayer
  move: (changed: Iterable<VehiclePosition>, nowMs: number) => void
  /** Ages positions: what was heard long ago turns stale without any message. */
  age: (nowMs: number) => void
}

export function fleetLayers(): FleetLayers {
  const source = new VectorSource<Feature<Point>>()
  const icons = new VectorLayer({
    source,
    zIndex: 10,
    updateWhileAnimating: true,
    updateWhileInteracting: true,
    style: (feature) => feature.get('look') as Style[],
  })
  icons.set('name', 'vehicles')
  const plateStyles = new Map<string, Style>()
  const plates = new VectorLayer({
    source,
    zIndex: 11,
    declutter: true,
    maxResolution: PLATES_UNDER,
    style: (feature) => {
      const { plate } = feature.get('vehicle') as VehiclePosition
      return once(plateStyles, plate, () => new Style({ text: words(plate, 12, '#e6edf4', { offsetY: 17 }) }))
    },
  })
  plates.set('name', 'vehicles')

  const dress = (feature: Feature<Point>, nowMs: number): void => {
    const vehicle = feature.get('vehicle') as VehiclePosition
    const style = vehicleStyle(vehicleState(vehicle, nowMs), vehicle.heading_deg ?? 0, vehicle.alert)
    if (feature.get('look') !== style) feature.set('look', style)
  }

  return {
    icons,
    plates,
    move(changed, nowMs) {
      const added: Feature<Point>[] = []
      for (const vehicle of changed) {
        let feature = source.getFeatureById(vehicle.device_id) as Feature<Point> | null
        // A reading that is not believed says how the vehicle is, not where.
        const believed = vehicle.lat !== null && vehicle.lon !== null && (vehicle.quality ?? 'ok') === 'ok'
        if (!feature && !believed) continue
        const place = believed ? fromLonLat([vehicle.lon!, vehicle.lat!]) : feature!.getGeometry()!.getCoordinates()
        if (feature) feature.getGeometry()!.setCoordinates(place)
        else {
          feature = new Feature(new Point(place))
          feature.setId(vehicle.device_id)
          added.push(feature)
        }
        feature.set('vehicle', vehicle, true)
        dress(feature, nowMs)
      }
      source.addFeatures(added)
    },
    age(nowMs) {
      for (const feature of source.getFeatures()) dress(feature, nowMs)
    },
  }
}

const OUTLET_SILENT_MS = 30 * 60_000

export function outletState(outlet: Outlet, nowMs: number): OutletState {
  const { latest } = outlet
  if (!latest || nowMs - Date.parse(latest.ts) > OUTLET_SILENT_MS) return 'silent'
  if (!latest.fan_on) return 'off'
  const limit = outlet.effective_limit_mg_m3
  if (limit !== null && latest.quality === 'ok' && (latest.fume_mg_m3 ?? 0) > limit) return 'exceeding'
  return latest.purifier_on === false ? 'purifier_off' : 'on'
}

export interface OutletLayer {
  marks: VectorLayer
  set: (outlets: Outlet[], nowMs: number) => void
}

export function outletLayer(): OutletLayer {
  const source = new VectorSource<Feature<Point>>()
  const marks = new VectorLayer({
    source,
    zIndex: 8,
    style: (feature, resolution) => {
      const outlet = feature.get('outlet') as Outlet
      const state = feature.get('state') as OutletState
      // From afar 659 kitchens would bury the streets: only those that need somebody are drawn.
      const calls = state === 'purifier_off' || outlet.alert
      if (resolution > OUTLETS_UNDER && !calls) return undefined
      const mark = once(styles, `outlet ${state}|${outlet.alert}`, () => {
        const made = [new Style({ image: icon(once(glyphs, `outlet ${state}`, () => outletGlyph(state))) })]
        if (outlet.alert) {
          const ring = icon(once(glyphs, `ring ${outlet.alert}`, () => severityRing(outlet.alert!)))
          ring.setScale(0.6 / DENSITY)
          made.unshift(new Style({ image: ring }))
        }
        return made
      })
      if (resolution > PLATES_UNDER / 4) return mark
      return [...mark, new Style({ text: words(outlet.name, 11, '#b9c7d6', { offsetY: 13 }) })]
    },
  })
  marks.set('name', 'outlets')
  return {
    marks,
    set(outlets, nowMs) {
      source.clear(true)
      source.addFeatures(
        outlets
          .filter((outlet) => outlet.lat !== null && outlet.lon !== null)
          .map((outlet) => {
            const feature = new Feature(new Point(fromLonLat([outlet.lon!, outlet.lat!])))
            feature.setId(outlet.outlet_id)
            feature.setProperties({ outlet, state: outletState(outlet, nowMs) })
            return feature
          }),
      )
    },
  }
}
