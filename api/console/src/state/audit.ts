/** What a request that was written down did, in an officer's words rather than the API's. */

const DEEDS: readonly [string, RegExp, string][] = [
  ['GET', /^\/leads\/\d+\/evidence$/, 'tookEvidence'],
  ['GET', /^\/leads\/\d+\/photos\/\w+$/, 'sawPhoto'],
  ['GET', /^\/leads\/\d+/, 'sawLead'],
  ['GET', /^\/alerts\/\d+/, 'sawAlert'],
  ['GET', /^\/transfers\/\d+\/(document|package)$/, 'tookTransfer'],
  ['GET', /^\/transfers\/\d+/, 'sawTransfer'],
  ['POST', /^\/alerts\/\d+\/ack$/, 'acknowledged'],
  ['POST', /^\/alerts\/\d+\/dismiss$/, 'dismissed'],
  ['POST', /^\/alerts\/groups\/(\d+)\/ack$/, 'acknowledgedGroup'],
  ['POST', /^\/alerts\/groups\/(\d+)\/dismiss$/, 'dismissedGroup'],
  ['POST', /^\/leads$/, 'openedLead'],
  ['POST', /^\/leads\/\d+\/transitions$/, 'movedLead'],
  ['POST', /^\/leads\/\d+\/assignee$/, 'reassigned'],
  ['POST', /^\/leads\/\d+\/merge$/, 'merged'],
  ['POST', /^\/leads\/\d+\/split$/, 'split'],
  ['POST', /^\/leads\/\d+\/notes$/, 'noted'],
  ['POST', /^\/leads\/\d+\/photos$/, 'addedPhoto'],
  ['POST', /^\/leads\/\d+\/worksheets$/, 'madeWorksheet'],
  ['POST', /^\/transfers/, 'workedTransfer'],
  ['POST', /^\/handovers/, 'handover'],
  ['POST', /^\/directory\/\w+\/(.+)\/standing$/, 'standing'],
  ['POST', /^\/draws$/, 'drew'],
  ['POST', /^\/devices\/(.+)\/commands$/, 'commanded'],
  ['POST', /^\/webhooks\/(\d+)\/replay$/, 'replayed'],
  ['POST', /^\/subscriptions$/, 'subscribed'],
  ['DELETE', /^\/subscriptions\/\d+$/, 'unsubscribed'],
  ['POST', /^\/webhooks$/, 'madeWebhook'],
  ['DELETE', /^\/webhooks\/(\d+)$/, 'deletedWebhook'],
  ['PUT', /^\/channels\/(.+)$/, 'putChannel'],
  ['DELETE', /^\/channels\/(.+)$/, 'deletedChannel'],
  ['POST', /^\/events$/, 'toldEvent'],
  ['POST', /^\/(?:outlets\/(.+)\/)?cleanings/, 'cleaning'],
  ['POST', /^\/correction-orders/, 'order'],
  ['POST', /^\/inspections/, 'inspection'],
  ['PUT', /^\/office\/(.+)$/, 'office'],
  ['DELETE', /^\/office\/(.+)$/, 'office'],
  ['POST', /^\/(\w+)$/, 'registered'],
  ['PUT', /^\/(\w+\/.+)$/, 'changed'],
  ['DELETE', /^\/(\w+\/.+)$/, 'deleted'],
]

/** The key of a sentence, and what it is about where no column says so; no key: nothing of ours. */
export function deed(method: string, path: string): { key: string | null; rest: string } {
  const short = path.replace(/^\/api\/v1/, '')
  for (const [how, pattern, key] of DEEDS) {
    const match = how === method ? pattern.exec(short) : null
    if (match) return { key, rest: match[1] && !['document', 'package'].includes(match[1]) ? decodeURIComponent(match[1]) : '' }
  }
  return { key: null, rest: '' }
}

interface Entry { at: string; who: string; method: string; path: string; lead_id: number | null; alert_id: number | null }
const SAME_LOOK_MS = 10_000

/** One look is several requests: of those by one officer at one thing within seconds, newest first, the first is kept. */
export function folded<Row extends Entry>(rows: readonly Row[]): Row[] {
  const kept: Row[] = []
  for (const row of rows) {
    const last = kept.at(-1)
    const same =
      last && last.method === 'GET' && row.method === 'GET' && last.who === row.who && last.lead_id === row.lead_id && last.alert_id === row.alert_id &&
      deed(last.method, last.path).key === deed(row.method, row.path).key && Date.parse(last.at) - Date.parse(row.at) < SAME_LOOK_MS
    if (!same) kept.push(row)
  }
  return kept
}
