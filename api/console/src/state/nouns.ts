/** The register's nouns as its page shows and asks for them: columns, what a cell may hold, what it refers to. docs/registry.md. */

export const NOUN_NAMES = ['companies', 'vehicles', 'devices', 'permits', 'sites', 'routes', 'roads', 'jurisdictions', 'outlets'] as const
export type NounName = (typeof NOUN_NAMES)[number]
export type ShapeKind = 'Polygon' | 'Point' | 'LineString'

export interface Column {
  name: string
  kind?: 'text' | 'number' | 'date' | 'choice' | 'choices' | 'shape'
  /** What a choice is among: codes of the catalogue. */
  codes?: readonly string[]
  /** Rows of these nouns are named by it. */
  of?: readonly NounName[]
  needed?: boolean
  shapes?: readonly ShapeKind[]
  /** Its width in the list, px, or 0: what is left. Without one it stands in the form alone. */
  width?: number
}
export interface Noun { key: string; columns: readonly Column[] }

const HAULAGE = ['construction', 'decoration'] as const
const STANDING = ['active', 'suspended', 'exited'] as const
const NAME: Column = { name: 'name', needed: true, width: 0 }
const STATUS: Column = { name: 'status', kind: 'choice', codes: STANDING, needed: true, width: 110 }
const VALID: readonly Column[] = [{ name: 'valid_from', kind: 'date', width: 120 }, { name: 'valid_to', kind: 'date', width: 120 }]
const HOURS: Column = { name: 'hours', width: 150 }
const key = (name: string, width = 130): Column => ({ name, needed: true, width })
const kind = (codes: readonly string[]): Column => ({ name: 'kind', kind: 'choice', codes, needed: true, width: 160 })
const shape = (...shapes: ShapeKind[]): Column => ({ name: 'geometry', kind: 'shape', shapes, needed: true })
const number = (name: string, width?: number): Column => ({ name, kind: 'number', ...(width && { width }) })
const one = (name: string, of: readonly NounName[], more: Partial<Column> = {}): Column => ({ name, kind: 'choice', of, width: 0, ...more })

export const NOUNS: Record<NounName, Noun> = {
  companies: { key: 'company_id', columns: [key('company_id'), NAME, kind(HAULAGE), { name: 'credit_code', width: 190 }, { name: 'phone', width: 130 }, STATUS, { name: 'review_due', kind: 'date', width: 120 }] },
  vehicles: { key: 'plate', columns: [key('plate'), one('company_id', ['companies']), kind(HAULAGE), { name: 'vin' }, number('capacity_m3', 110), number('tare_t'), number('gross_t'), STATUS] },
  devices: {
    key: 'device_id',
    columns: [
      key('device_id'), kind(['vehicle', 'fume']), one('bound_to', ['vehicles', 'outlets']), { name: 'serial', width: 230 }, number('interval_s', 150),
      { name: 'status', kind: 'choice', codes: ['active', 'disabled'], needed: true, width: 110 }, { name: 'installed_on', kind: 'date' },
    ],
  },
  permits: {
    key: 'permit_id',
    columns: [
      key('permit_id', 170), one('company_id', ['companies'], { needed: true }), one('source_site_id', ['sites'], { needed: true }), one('disposal_site_id', ['sites']), one('route_id', ['routes']),
      ...VALID, { name: 'hours' }, { name: 'plates', kind: 'choices', of: ['vehicles'] }, number('volume_m3'),
    ],
  },
  sites: { key: 'site_id', columns: [key('site_id'), NAME, kind(['source', 'disposal', 'transfer', 'parking', 'no_go']), shape('Polygon', 'Point'), number('radius_m'), ...VALID, HOURS, number('capacity_m3')] },
  routes: { key: 'route_id', columns: [key('route_id'), NAME, shape('LineString'), number('corridor_m', 170)] },
  roads: { key: 'road_id', columns: [key('road_id'), NAME, shape('LineString'), number('corridor_m', 170), number('speed_limit_kmh', 130)] },
  jurisdictions: { key: 'code', columns: [key('code'), NAME, { name: 'squad', width: 200 }, shape('Polygon')] },
  outlets: {
    key: 'outlet_id',
    columns: [
      key('outlet_id', 110), NAME, { name: 'address', width: 0 }, number('lat'), number('lon'), { name: 'scale', kind: 'choice', codes: ['small', 'medium', 'large'], width: 90 },
      number('limit_mg_m3', 160), { name: 'hours' }, { name: 'cleaned_on', kind: 'date', width: 120 }, number('cleaning_days'),
    ],
  },
}
