/** Who is logged in. The token lives in this tab alone and never in an address. */
import { reactive } from 'vue'
import type { Token } from '../api/types'

const KEY = 'fleetfume.session'

interface Session {
  token: string
  name: string
  role: string
  expiresAt: number
  /** The last session ran out or was refused: the login page says so. */
  expired: boolean
}

const NOBODY: Session = { token: '', name: '', role: '', expiresAt: 0, expired: false }

function stored(): Session {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null
  return kept && kept.expiresAt > Date.now() ? kept : NOBODY
}

export const session = reactive<Session>({ ...stored() })

export function beginSession(token: Token): void {
  Object.assign(session, {
    token: token.access_token,
    name: token.user.name,
    role: token.user.role,
    expiresAt: Date.now() + token.expires_in * 1000,
    expired: false,
  })
  sessionStorage.setItem(KEY, JSON.stringify(session))
}

export function endSession(expired = false): void {
  Object.assign(session, { ...NOBODY, expired })
  sessionStorage.removeItem(KEY)
}
