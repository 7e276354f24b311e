/** The register as the map, the cards and the words need it; `api/register.ts` loads it once a session. */
import { shallowReactive } from 'vue'
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
