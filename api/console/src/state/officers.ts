/** Whom work can be given to: the squads of the register's places, and the console's users. */
import { shallowRef } from 'vue'
import type { SelectGroupOption, SelectOption } from 'naive-ui'
import { get } from '../api/http'
import type { Officer } from '../api/types'
import { i18n, label } from '../i18n'
import { register } from './register'

const officers = shallowRef<Officer[]>([])
export async function loadOfficers(): Promise<void> {
  officers.value = await get<Officer[]>('/officers').catch(() => officers.value)
}

/** Groups to choose from: the squad of the place with its people first, then the other squads, then who has none. */
export function assignees(placeSquad: string | null): (SelectOption | SelectGroupOption)[] {
  const t = i18n.global.t
  const squads = new Set([...(placeSquad ? [placeSquad] : []), ...register.jurisdictions.map((one) => one.squad), ...officers.value.map((one) => one.squad)].filter((one) => one !== null))
  const person = (one: Officer): SelectOption => ({ value: one.name, label: `${one.name} · ${label(one.role)}` })
  const groups: SelectGroupOption[] = [...squads].map((squad) => ({
    type: 'group', key: `squad ${squad}`, label: squad === placeSquad ? `${squad} · ${t('lead.ofThePlace')}` : squad,
    children: [{ value: squad, label: t('lead.wholeSquad', { squad }) }, ...officers.value.filter((one) => one.squad === squad && one.name !== squad).map(person)],
  }))
  const others = officers.value.filter((one) => one.squad === null && !squads.has(one.name))
  return others.length ? [...groups, { type: 'group', key: 'others', label: t('lead.noSquad'), children: others.map(person) }] : groups
}
