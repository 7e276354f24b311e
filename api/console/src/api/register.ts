/** Loads the register, and what the office calls things, once a session. */
import { register } from '../state/register'
import { get, getAll } from './http'
import type { Company, Jurisdiction, Labels, Permit, ReviewLevel, Road, Route, Site } from './types'

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
