/** A map on the page: the view, the register's layers under it, tracks and marks on top. */
import Feature from 'ol/Feature'
import Map from 'ol/Map'
import View from 'ol/View'
import ScaleLine from 'ol/control/ScaleLine'
import { boundingExtent, createEmpty, type Extent, extend, isEmpty } from 'ol/extent'
import LineString from 'ol/geom/LineString'
import Point from 'ol/geom/Point'
import { defaults as interactions } from 'ol/interaction/defaults'
import VectorLayer from 'ol/layer/Vector'
import { fromLonLat } from 'ol/proj'
import VectorSource from 'ol/source/Vector'
import CircleStyle from 'ol/style/Circle'
import Fill from 'ol/style/Fill'
import Icon from 'ol/style/Icon'
import Stroke from 'ol/style/Stroke'
import Style from 'ol/style/Style'
import type { EvidenceFix, Severity, Site, Track } from '../api/types'
import { DENSITY, severityRing } from './glyphs'
import { type RegisterLayers, words } from './layers'
import { SITE_COLOUR, VEHICLE_COLOUR } from './palette'

export const MAX_ZOOM = 18.5

export function makeMap(target: HTMLElement, layers: VectorLayer[]): Map {
  return new Map({
    target,
    layers,
    controls: [new ScaleLine()],
    interactions: interactions({ altShiftDragRotate: false, pinchRotate: false }),
    view: new View({ center: fromLonLat([117.53, 36.71]), zoom: 11, maxZoom: MAX_ZOOM, minZoom: 8 }),
  })
}

/** All that the named layers cover; undefined where they are empty. */
export function extentOf(layers: readonly VectorLayer[]): Extent | undefined {
  const whole = createEmpty()
  for (const layer of layers) extend(whole, layer.getSource()!.getExtent()!)
  return isEmpty(whole) ? undefined : whole
}

const GAP_MS = 10 * 60_000

export interface TrackLayer {
  layer: VectorLayer
  draw: (track: Track) => Extent | undefined
  clear: () => void
}

/** A vehicle's track: thick where it was loaded, thin where it was empty, broken where nothing was heard. */
export function trackLayer(): TrackLayer {
  const source = new VectorSource()
  const line = (loaded: boolean) =>
    [
      new Style({ stroke: new Stroke({ color: '#0b1118', width: loaded ? 7 : 4 }) }),
      new Style({
        stroke: new Stroke({ color: loaded ? VEHICLE_COLOUR.loaded : VEHICLE_COLOUR.empty, width: loaded ? 4 : 2 }),
      }),
    ]
  const styles = { loaded: line(true), empty: line(false) }
  const end = (label: string, colour: string) =>
    new Style({
      image: new CircleStyle({ radius: 4, fill: new Fill({ color: colour }), stroke: new Stroke({ color: '#0b1118', width: 1 }) }),
      text: words(label, 11, colour, { offsetY: -12 }),
    })
  return {
    layer: new VectorLayer({ source, zIndex: 9 }),
    clear: () => source.clear(),
    draw(track) {
      source.clear()
      const { times, load, quality } = track.properties
      const good = track.geometry.coordinates
        .map((place, n) => ({ place: fromLonLat(place), at: Date.parse(times[n]!), loaded: (load[n] ?? 0) >= 0.3, quality: quality[n] }))
        .filter((fix) => fix.quality === 'ok')
      let piece: Feature<LineString> | undefined
      let pieceLoaded = false
      for (let n = 1; n < good.length; n++) {
        const [a, b] = [good[n - 1]!, good[n]!]
        const loaded = a.loaded && b.loaded
        if (b.at - a.at > GAP_MS) {
          piece = undefined
          continue
        }
        if (!piece || loaded !== pieceLoaded) {
          piece = new Feature(new LineString([a.place]))
          piece.setStyle(styles[loaded ? 'loaded' : 'empty'])
          source.addFeature(piece)
          pieceLoaded = loaded
        }
        piece.getGeometry()!.appendCoordinate(b.place)
      }
      for (const [fix, colour] of [[good[0], '#8fa1b3'], [good.at(-1), '#e6edf4']] as const) {
        if (!fix) continue
        const mark = new Feature(new Point(fix.place))
        const text = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' }).format(fix.at)
        mark.setStyle(end(text, colour))
        source.addFeature(mark)
      }
      return good.length ? boundingExtent(good.map((fix) => fix.place)) : undefined
    },
  }
}

/** Corners around what the officer has selected. */
export function selectionLayer(): { layer: VectorLayer; mark: (place: [number, number] | undefined) => void } {
  const feature = new Feature(new Point([0, 0]))
  const source = new VectorSource()
  const style = new Style({ image: new CircleStyle({ radius: 22, stroke: new Stroke({ color: '#ffffff', width: 2, lineDash: [12, 22.5], lineDashOffset: 6 }) }) })
  return {
    layer: new VectorLayer({ source, style, zIndex: 9, updateWhileAnimating: true, updateWhileInteracting: true }),
    mark(place) {
      source.clear(true)
      if (!place) return
      feature.getGeometry()!.setCoordinates(fromLonLat(place))
      source.addFeature(feature)
    },
  }
}

/** The place of an alert, the fixes it was judged by, and what its permit allows. */
export function evidenceLayer(place: [number, number] | null, severity: Severity, fixes: readonly EvidenceFix[]): VectorLayer {
  const source = new VectorSource()
  const dot = (colour: string) =>
    new Style({ image: new CircleStyle({ radius: 3.5, fill: new Fill({ color: colour }), stroke: new Stroke({ color: '#0b1118', width: 1 }) }) })
  const [raised, plain] = [dot('#ff9d2e'), dot('#e6edf4')]
  for (const fix of fixes) {
    const feature = new Feature(new Point(fromLonLat([fix.lon, fix.lat])))
    feature.setStyle(fix.lift ? raised : plain)
    source.addFeature(feature)
  }
  if (place) {
    const mark = new Feature(new Point(fromLonLat(place)))
    mark.setStyle([
      new Style({ image: new Icon({ img: severityRing(severity), scale: 1.2 / DENSITY }) }),
      new Style({ image: new CircleStyle({ radius: 2.5, fill: new Fill({ color: '#fff' }) }) }),
    ])
    source.addFeature(mark)
  }
  return new VectorLayer({ source, zIndex: 12 })
}

/** Makes one permit's route and sites stand out on a map of the register. */
export function permitLayer(layers: RegisterLayers, routeId: string | null, siteIds: readonly string[]): VectorLayer {
  const source = new VectorSource()
  const route = routeId && layers.routes.getSource()!.getFeatureById(routeId)
  if (route instanceof Feature) {
    const copy = route.clone()
    copy.setStyle(new Style({ stroke: new Stroke({ color: '#5aa5ff', width: 3, lineDash: [8, 6] }) }))
    source.addFeature(copy)
  }
  for (const id of siteIds) {
    const site = layers.sites.getSource()!.getFeatureById(id)
    if (!(site instanceof Feature)) continue
    const copy = site.clone()
    const colour = SITE_COLOUR[(site.get('site') as Site).kind]
    copy.setStyle(new Style({ stroke: new Stroke({ color: colour, width: 3 }) }))
    source.addFeature(copy)
  }
  return new VectorLayer({ source, zIndex: 5 })
}
