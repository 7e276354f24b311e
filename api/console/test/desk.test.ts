import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { problemText } from '../src/api/problem'
import type { Alert, Jurisdiction } from '../src/api/types'
import { setLanguage } from '../src/i18n'
import { moveText } from '../src/i18n/words'
import { nextOpen } from '../src/state/attention'
import { deed, folded } from '../src/state/audit'
import { startOfDay } from '../src/state/clock'
import { may, WHO } from '../src/state/may'
import { assignees } from '../src/state/officers'
import { register } from '../src/state/register'
import { session } from '../src/state/session'

afterEach(() => {
  setLanguage('zh-CN')
  session.role = ''
})

describe('what a role may do', () => {
  const rows = readFileSync(join(import.meta.dirname, '../../../docs/roles.md'), 'utf8')
    .split('\n')
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
  const roles = rows.find((row) => row[0] === 'method')!.slice(2)
  const documented = Object.fromEntries(
    rows.filter((row) => row[1]?.startsWith('`')).map((row) => [`${row[0]} ${row[1]!.slice(1, -1)}`, roles.filter((_, n) => row[n + 2] === '✓')]),
  )

  test('is what the service lets it do', () => {
    for (const route of Object.keys(WHO) as (keyof typeof WHO)[]) {
      const allowed = roles.filter((role) => {
        session.role = role
        return may(route)
      })
      expect(allowed, route).toEqual(documented[route])
    }
  })
})

describe('a refusal', () => {
  test('that officers meet often is said in their language, with its codes in words', () => {
    register.labels = { acked: { zh: '已签收', en: 'Acknowledged' } }
    expect(problemText(409, "alert 7 is 'acked' and cannot be acknowledged")).toBe('告警 #7 已是“已签收”，不能再这样处理。别人可能刚处理过。')
    expect(problemText(403, 'zhao handled lead 3, and nobody reviews their own step')).toContain('请由他人审核')
    setLanguage('en')
    expect(problemText(409, "alert 7 is 'acked' and cannot be acknowledged")).toBe('Alert 7 is “Acknowledged” already; somebody may have been first.')
  })

  test('that nobody foresaw says what its status means, what to do, and the sentence of the service', () => {
    expect(problemText(409, 'something of its own')).toBe('没有做成：别人可能刚处理过。请刷新后再看。（something of its own）')
    expect(problemText(418, '')).toBe('没有做成。')
  })

  test('of a form names the fields and what is wrong with each', () => {
    register.labels = { name: { zh: '名称', en: 'Name' } }
    expect(problemText(422, 'body.name: …', [{ loc: ['body', 'name'], msg: 'Field required', type: 'missing' }, { loc: ['body', 'seed'], msg: 'Odd', type: 'unknown' }]))
      .toBe('填写有误，请改正后再提交。（名称: 必填；seed: Odd）')
  })

  test('of a row of the register says it in their language too', () => {
    const row = (field: string, msg: string) => problemText(422, '…', [{ loc: ['body', field], msg, type: 'registry' }])
    expect(row('hours', "'x' is not HH:MM-HH:MM, several with ';'")).toContain('时段: 应写成 22:00-06:00')
    expect(row('company_id', "there is no company_id 'C9' in companies")).toContain('企业编号: 名录中没有“C9”')
    expect(row('geometry', 'the outline encloses nothing properly: Self-intersection[117.5 36.7]')).toContain('自相交')
    expect(problemText(409, "site_id 'TIP' is still referred to, so it stays: permits in the database, 'P1' (disposal_site_id). Change or remove those first"))
      .toBe("“TIP”仍被引用，不能删除：permits in the database, 'P1' (disposal_site_id)。请先改掉或删除这些。")
  })

  test('for no fault of the officer keeps the inner workings to itself', () => {
    expect(problemText(0, 'Failed to fetch')).toBe('连不上服务。请检查网络，稍后重试；持续两分钟以上请通知运维。')
    expect(problemText(500, 'a fault of the service, which its log describes')).not.toContain('log describes')
    expect(problemText(503, 'the database does not answer now; try again')).toContain('稍后重试')
  })
})

describe('the next alert', () => {
  const alert = (id: number, severity: Alert['severity'], opened_at: string): Alert => ({ id, severity, opened_at }) as Alert
  const open = [alert(1, 'minor', '01'), alert(2, 'critical', '03'), alert(3, 'critical', '02'), alert(4, 'major', '01')]

  test('is the worst, and of those the one that has waited longest', () => {
    expect(nextOpen(open, null)?.id).toBe(3)
    const order = [3, 2, 4, 1]
    order.forEach((id, n) => expect(nextOpen(open, id)?.id).toBe(order[(n + 1) % order.length]))
  })

  test('of one that was just acknowledged is the worst again; of nothing, nothing', () => {
    expect(nextOpen(open, 99)?.id).toBe(3)
    expect(nextOpen([], 3)).toBeUndefined()
    expect(nextOpen([alert(1, 'info', '01')], 1)).toBeUndefined()
  })
})

describe('the audit', () => {
  test('says requests as deeds, and what no deed fits not at all', () => {
    expect(deed('POST', '/api/v1/alerts/5/ack')).toEqual({ key: 'acknowledged', rest: '' })
    expect(deed('GET', '/api/v1/leads/5/evidence').key).toBe('tookEvidence')
    expect(deed('GET', '/api/v1/leads/5/journal').key).toBe('sawLead')
    expect(deed('POST', '/api/v1/directory/vehicles/%E9%B2%81A1/standing')).toEqual({ key: 'standing', rest: '鲁A1' })
    expect(deed('PUT', '/api/v1/companies/C1')).toEqual({ key: 'changed', rest: 'companies/C1' })
    expect(deed('PATCH', '/api/v1/x')).toEqual({ key: null, rest: '' })
  })

  test('folds the requests of one look, and nothing that was done', () => {
    const entry = (id: number, at: string, who: string, path: string, method = 'GET') => ({ id, at: `2026-11-25T10:00:${at}Z`, who, method, path, lead_id: 1, alert_id: null })
    const rows = [
      entry(9, '30', 'li', '/api/v1/leads/1/notes', 'POST'), entry(8, '30', 'li', '/api/v1/leads/1/notes', 'POST'),
      entry(7, '29', 'li', '/api/v1/leads/1/journal'), entry(6, '29', 'li', '/api/v1/leads/1'), entry(5, '29', 'wang', '/api/v1/leads/1'),
      entry(4, '10', 'wang', '/api/v1/leads/1'),
    ]
    expect(folded(rows).map((row) => row.id)).toEqual([9, 8, 7, 5, 4])
  })
})

test('a day begins at midnight in Shanghai, wherever the browser is', () => {
  expect(startOfDay('2026-11-26')).toBe('2026-11-25T16:00:00.000Z')
  expect(startOfDay('2026-11-30', 1)).toBe('2026-11-30T16:00:00.000Z')
})

test('work can be given to the squad of the place first, then to others', () => {
  register.jurisdictions = [{ squad: '二中队' }, { squad: '一中队' }, { squad: null }] as Jurisdiction[]
  expect(assignees('一中队').map((group) => group.label)).toEqual(['一中队 · 属地', '二中队'])
})

test('a move is named by where it comes from too', () => {
  expect([moveText('new', 'assigned'), moveText('unfounded', 'assigned'), moveText('transferred', 'confirmed')]).toEqual(['派发', '重新办理', '移交退回'])
})
