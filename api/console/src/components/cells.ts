/** What the cells of lists hold that is more than text. */
import { h, type VNode } from 'vue'
import { NButton } from 'naive-ui'
import { RouterLink } from 'vue-router'
import type { Severity } from '../api/types'
import { label } from '../i18n'
import SeverityMark from './SeverityMark.vue'

export const strong = (text: string): VNode => h('b', text)
export const link = (to: string, text: string): VNode => h(RouterLink, { to, onClick: (event: Event) => event.stopPropagation() }, () => text)
export const links = (of: readonly number[], to: (id: number) => string): VNode => h('span', of.map((id) => [link(to(id), `#${id}`), ' ']))
export const late = (text: string, isLate: boolean): VNode | string => (isLate ? h('b', { class: 'late' }, text) : text)
export const severityCell = (severity: Severity | null | undefined): (VNode | string)[] | string => (severity ? [h(SeverityMark, { severity }), ` ${label(severity)}`] : '')
export const action = (text: string, click: () => void, testid?: string): VNode =>
  h(NButton, { size: 'small', secondary: true, 'data-testid': testid, onClick: (event: Event) => (event.stopPropagation(), click()) } as object, () => text)
