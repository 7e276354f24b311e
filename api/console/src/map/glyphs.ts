/** Small pictures drawn once on canvases: arrows, dots and rings for vehicles, marks for kitchens. */
import type { Severity } from '../api/types'
import type { VehicleState } from '../state/vehicleState'
import { OUTLET_COLOUR, type OutletState, SEVERITY_COLOUR, VEHICLE_COLOUR } from './palette'

/** Canvas pixels per CSS pixel: sharp on ordinary and on dense screens. */
export const DENSITY = 2
const DARK = '#0b1118'

function draw(size: number, paint: (ctx: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size * DENSITY
  const ctx = canvas.getContext('2d')!
  ctx.scale(DENSITY, DENSITY)
  ctx.translate(size / 2, size / 2)
  ctx.lineJoin = 'round'
  paint(ctx)
  return canvas
}

function path(ctx: CanvasRenderingContext2D, points: readonly (readonly [number, number])[]): void {
  ctx.beginPath()
  points.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)))
  ctx.closePath()
}

const polygon = (corners: number, radius: number, turn = 0): [number, number][] =>
  Array.from({ length: corners }, (_, n) => {
    const angle = turn - Math.PI / 2 + (2 * Math.PI * n) / corners
    return [radius * Math.cos(angle), radius * Math.sin(angle)]
  })

/** Loaded: full arrow. Empty: hollow arrow. Stopped: dot. Stale: hollow dot. North is up. */
export function vehicleGlyph(state: VehicleState): HTMLCanvasElement {
  const colour = VEHICLE_COLOUR[state]
  return draw(20, (ctx) => {
    if (state === 'loaded' || state === 'empty') {
      const s = state === 'loaded' ? 1 : 0.82
      path(ctx, [[0, -8 * s], [6 * s, 7 * s], [0, 4 * s], [-6 * s, 7 * s]])
      ctx.fillStyle = state === 'loaded' ? colour : DARK
      ctx.strokeStyle = state === 'loaded' ? DARK : colour
      ctx.lineWidth = state === 'loaded' ? 1 : 1.5
    } else {
      ctx.beginPath()
      ctx.arc(0, 0, 3.2, 0, 2 * Math.PI)
      ctx.fillStyle = state === 'stopped' ? colour : DARK
      ctx.strokeStyle = state === 'stopped' ? DARK : colour
      ctx.lineWidth = state === 'stopped' ? 1 : 1.3
    }
    ctx.fill()
    ctx.stroke()
  })
}

/** The outline of a severity: octagon, triangle, square, circle. */
export function severityShape(severity: Severity, radius: number): [number, number][] {
  if (severity === 'critical') return polygon(8, radius, Math.PI / 8)
  if (severity === 'major') return polygon(3, radius * 1.15).map(([x, y]) => [x, y + radius * 0.12])
  if (severity === 'minor') return polygon(4, radius, Math.PI / 4)
  return polygon(20, radius * 0.85)
}

export function severityRing(severity: Severity): HTMLCanvasElement {
  const heavy = severity === 'critical' || severity === 'major'
  return draw(44, (ctx) => {
    path(ctx, severityShape(severity, heavy ? 16 : 12))
    ctx.fillStyle = SEVERITY_COLOUR[severity] + (heavy ? '38' : '22')
    ctx.fill()
    ctx.lineWidth = heavy ? 2.6 : 1.8
    ctx.strokeStyle = SEVERITY_COLOUR[severity]
    ctx.stroke()
  })
}

/** On: full square. Off: small square. Purifier off: triangle. Exceeding: diamond. Silent: hollow square. */
export function outletGlyph(state: OutletState): HTMLCanvasElement {
  const colour = OUTLET_COLOUR[state]
  return draw(18, (ctx) => {
    ctx.fillStyle = state === 'silent' ? DARK : colour
    ctx.strokeStyle = state === 'silent' ? colour : DARK
    ctx.lineWidth = 1
    const corners = {
      exceeding: polygon(4, 6),
      purifier_off: polygon(3, 6.5),
      on: polygon(4, 4.4, Math.PI / 4),
      off: polygon(4, 2.8, Math.PI / 4),
      silent: polygon(4, 3, Math.PI / 4),
    }[state]
    path(ctx, corners)
    ctx.fill()
    ctx.stroke()
  })
}

/** Slanting lines, for areas that are barred. */
export function hatch(colour: string): CanvasPattern {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 10
  const ctx = canvas.getContext('2d')!
  ctx.strokeStyle = colour
  ctx.lineWidth = 1.4
  for (const x of [-10, 0, 10]) {
    ctx.beginPath()
    ctx.moveTo(x, 10)
    ctx.lineTo(x + 10, 0)
    ctx.stroke()
  }
  return ctx.createPattern(canvas, 'repeat')!
}
