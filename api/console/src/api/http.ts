/** Requests to `/api/v1` with the session's token. A 401 ends the session; what fails is an `ApiError` in the user's language. */
import { endSession, session } from '../state/session'
import { type FieldError, problemText } from './problem'
import type { Page, Token } from './types'

const BASE = '/api/v1'

export class ApiError extends Error {
  constructor(readonly status: number, detail: string, errors: FieldError[] = []) {
    super(problemText(status, detail, errors))
  }
}

async function answer<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T
  if (response.ok) return (await response.json()) as T
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: unknown; errors?: FieldError[] }
  const detail = typeof problem.detail === 'string' ? problem.detail : problem.title
  throw new ApiError(response.status, detail ?? '', problem.errors)
}

/** The service could not be reached at all: that is status 0. */
const ask = (address: string, init: RequestInit): Promise<Response> =>
  fetch(address, init).catch((error: Error) => {
    throw new ApiError(0, error.message)
  })

export async function requestToken(username: string, password: string): Promise<Token> {
  const body = new URLSearchParams({ username, password })
  return answer<Token>(await ask(`${BASE}/auth/token`, { method: 'POST', body }))
}

async function fetched(path: string, init: RequestInit = {}): Promise<Response> {
  const token = session.token
  const headers = new Headers(init.headers)
  headers.set('Authorization', `Bearer ${token}`)
  const response = await ask(BASE + path, { ...init, headers })
  // A late answer to an earlier session's request must not end the one that began since.
  if (response.status === 401 && token === session.token) endSession(true)
  return response
}

const request = async <T>(path: string, init: RequestInit = {}): Promise<T> => answer<T>(await fetched(path, init))

/** A file the service keeps, as bytes: a picture's address would not carry the token. */
export async function getBlob(path: string): Promise<Blob> {
  const response = await fetched(path)
  return response.ok ? response.blob() : answer<Blob>(response)
}

export function upload<T>(path: string, file: File, fields: Record<string, string>): Promise<T> {
  const body = new FormData()
  for (const [name, value] of Object.entries(fields)) body.set(name, value)
  body.set('file', file)
  return request<T>(path, { method: 'POST', body })
}

export type Query = Record<string, string | number | boolean | null | undefined>

export function get<T>(path: string, query: Query = {}): Promise<T> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== '') search.set(name, String(value))
  const text = search.toString()
  return request<T>(text ? `${path}?${text}` : path)
}

function send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
  return request<T>(path, {
    method,
    ...(body !== undefined && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
}
export const post = <T>(path: string, body: unknown = {}): Promise<T> => send<T>('POST', path, body)
export const put = <T>(path: string, body: unknown): Promise<T> => send<T>('PUT', path, body)
export const remove = (path: string): Promise<void> => send<void>('DELETE', path)

/** Every item of a list, page after page. */
export async function getAll<T>(path: string, query: Query = {}): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page: Page<T> = await get(path, { limit: 1000, ...query, cursor })
    items.push(...page.items)
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  return items
}

/** Hand bytes to the browser to keep. */
export function keep(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** Fetch a file with the session's token, and keep it. */
export const save = async (path: string, name: string): Promise<void> => keep(await getBlob(path), name)
