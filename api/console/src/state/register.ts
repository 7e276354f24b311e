/** The register as the map and the cards need it: loaded once a session. */
import { shallowReactive } from 'vue'
import { get, getAll } from '../api/http'
import type { Company, Jurisdiction, Labels, Permit, ReviewLevel, Road, Route, Site } from '../api/types'

export const register = shallowReactive({
  ready: false,
  labels: {} as Labels,
  levels: [] as ReviewLevel[],
  sites: [] as Site[],
  routes: [] as Route[],
  roads: [] as Road[],
  jurisdictions: [] as Jurisdiction[],
  companies: new Map<string, Company>(),
  permits: new Map<string, Permit>(),
})

export async function loadLabels(): Promise<void> {
  ;[register.labels, register.levels] = await Promise.all([get<Labels>('/labels'), get<ReviewLevel[]>('/office/review-levels')])
}

export async function loadRegister(): Promise<void> {
  const [sites, routes, roads, jurisdictions, companies, permits] = await Promise.all([
    getAll<Site>('/sites'),
    getAll<Route>('/routes'),
    getAll<Road>('/roads'),
    getAll<Jurisdiction>('/jurisdictions'),
    getAll<Company>('/companies'),
    getAll<Permit>('/permits'),
  ])
  Object.assign(register, {
    sites,
    routes,
    roads,
    jurisdictions,
    companies: new Map(companies.map((company) => [company.company_id, company])),
    permits: new Map(permits.map((permit) => [permit.permit_id, permit])),
    ready: true,
  })
}

export function companyName(id: string | null): string {
  return (id && register.companies.get(id)?.name) || id || '—'
}

/** Permits that name this vehicle, or all vehicles of its company, on the register's days. */
export function permitsOf(plate: string, companyId: string | null, today: string): Permit[] {
  return [...register.permits.values()].filter(
    (permit) =>
      permit.company_id === companyId &&
      (permit.plates.length === 0 || permit.plates.includes(plate)) &&
      (!permit.valid_from || permit.valid_from <= today) &&
      (!permit.valid_to || permit.valid_to >= today),
  )
}
