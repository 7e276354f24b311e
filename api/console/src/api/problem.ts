/** A refusal in the officer's language: what is wrong, and what to do. docs/api.md, Refusals. */
import { i18n, isChinese, label, levelName } from '../i18n'

export interface FieldError { loc: (string | number)[]; msg: string; type: string }

/**
 * What officers meet at work, by the server's own sentence. A sentence that is not here is shown as the server
 * said it, after what its status says.
 */
const KNOWN: readonly [RegExp, string][] = [
  [/^alert (?<id>\d+) is '(?<state>\w+)' and cannot be/, 'alertDecided'],
  [/^alerts (?<id>[\d, ]+) have a lead already/, 'hasLead'],
  [/^a lead that is '(?<state>\w+)' cannot become '(?<to>\w+)'/, 'leadMoved'],
  [/^moving a lead to '(?<to>\w+)' is for/, 'notYourMove'],
  [/^lead (?<id>\d+) was merged into lead (?<into>\d+)/, 'merged'],
  [/^lead (?<id>\d+) is not decided before every level/, 'unsigned'],
  [/^lead (?<id>\d+) is '(?<state>\w+)': only .* are merged/, 'notMerged'],
  [/^lead (?<id>\d+) is '(?<state>\w+)': only .* are split/, 'notSplit'],
  [/^these are all alerts of lead (?<id>\d+)/, 'allAlerts'],
  [/^lead (?<id>\d+) waits for '(?<level>\w+)'/, 'otherLevel'],
  [/nobody reviews their own step$/, 'ownStep'],
  [/^transfer (?<id>\d+) is '(?<state>\w+)', not/, 'transferMoved'],
  [/^hand-over (?<id>\d+) is taken by (?<name>.+) already/, 'handoverTaken'],
  [/^hand-over (?<id>\d+) is yours/, 'handoverYours'],
  [/^(?<count>\d+) of (?<targets>\d+) targets with (?<each>\d+) of (?<officers>\d+) officers cannot be drawn/, 'drawTooMany'],
  [/^device '(?<id>.+)' is disabled/, 'deviceDisabled'],
  [/^there is a webhook '(?<name>.+)' already/, 'webhookThere'],
  [/^quiet hours have a beginning and an end/, 'quietHours'],
  [/^the picture has .* bytes/, 'photoLarge'],
  [/^this is no JPEG, PNG or WebP/, 'photoKind'],
  [/^\w+ '(?<id>.+)' is among the \w+ already/, 'rowThere'],
  [/^\w+ '(?<id>.+)' is still referred to, so it stays: (?<rows>.+)\. Change or remove/, 'stillWanted'],
  [/^too many failed logins: try again in (?<s>\d+) s/, 'manyLogins'],
]

/** What a cell of the register may be refused for: devices/cells.py, checks.py and geometry.py. */
const ROW: readonly [RegExp, string][] = [
  [/^is empty, and must be known|^has no coordinates/, 'empty'],
  [/is not a number$|is not a whole number/, 'number'],
  [/is negative$/, 'negative'],
  [/must be more than 0$/, 'positive'],
  [/is not HH:MM-HH:MM|is not a range of the day/, 'hours'],
  [/is not a day|^there is no day/, 'day'],
  [/is before valid_from/, 'order'],
  [/is not a key:/, 'key'],
  [/is not one plate:/, 'plate'],
  [/is not a device id:/, 'deviceId'],
  [/they look exchanged|has lat before lon/, 'swapped'],
  [/^is empty, and l(at|on) is not/, 'bothOrNeither'],
  [/degrees$|is not on Earth/, 'degrees'],
  [/^must be .* not |^a (line|ring) needs|is not a position|coordinates that are no list|^the ring is not closed/, 'shape'],
  [/^the outline encloses nothing/, 'crossing'],
  [/a Point needs the radius/, 'radiusWanted'],
  [/goes with a Point/, 'radiusNot'],
  [/^there is no \w+ '(?<id>.+)' in \w+$/, 'dangling'],
]

const STATUS: Record<number, string> = { 0: 'away', 401: 'ended', 403: 'role', 404: 'gone', 409: 'late', 413: 'large', 422: 'malformed', 429: 'slower', 502: 'away', 503: 'busy', 504: 'away' }

const t = i18n.global.t

function fieldsText(errors: FieldError[]): string {
  return errors
    .map(({ loc, msg, type }) => {
      const name = String(loc.filter((part) => part !== 'body' && part !== 'query').at(-1) ?? '')
      const known = ROW.find(([pattern]) => pattern.test(msg))
      const why = known ? t(`problem.row.${known[1]}`, known[0].exec(msg)?.groups ?? {}) : i18n.global.te(`problem.field.${type}`) ? t(`problem.field.${type}`) : msg
      const word = i18n.global.te(`registry.field.${name}`) ? t(`registry.field.${name}`) : label(name)
      return name ? `${word}: ${why}` : why
    })
    .join(isChinese() ? '；' : '; ')
}

/** `detail` is the server's sentence, `errors` the fields of a 422; status 0: it could not be asked at all. */
export function problemText(status: number, detail: string, errors: FieldError[] = []): string {
  for (const [pattern, key] of KNOWN) {
    const groups = pattern.exec(detail)?.groups ?? (pattern.test(detail) ? {} : undefined)
    if (!groups) continue
    const words = Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, name === 'level' ? levelName(value) : ['state', 'to'].includes(name) ? label(value) : value]))
    return t(`problem.${key}`, words)
  }
  const what = t(`problem.${STATUS[status] ?? (status >= 500 ? 'fault' : 'other')}`)
  const more = errors.length ? fieldsText(errors) : status >= 500 || status === 0 ? '' : detail
  return more ? `${what}${isChinese() ? `（${more}）` : ` (${more})`}` : what
}
