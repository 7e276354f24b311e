/** Requests to `/api/v1` with the session's token. A 401 ends the session; other refusals are `ApiError`. */
import { endSession, session } from '../state/session'
import type { Page, Token } from './types'

const BASE = '/api/v1'

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message)
  }
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: unknown }
  const detail = typeof problem.detail === 'string' ? problem.detail : problem.title
  throw new ApiError(response.status, detail ?? `HTTP ${response.status}`)
}

export async function requestToken(username: string, password: string): Promise<Token> {
  const body = new URLSearchParams({ username, password })
  return answer<Token>(await fetch(`${BASE}/auth/token`, { method: 'POST', body }))
}

async function fetched(path: string, init: RequestInit = {}): Promise<Response> {
  const token = session.token
  const headers = new Headers(init.headers)
  headers.set('Authorization', `Bearer ${token}`)
  const response = await fetch(BASE + path, { ...init, headers })
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

export function get<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const text = search.toString()
  return request<T>(text ? `${path}?${text}` : path)
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return request<T>(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Every item of a list, page after page. */
export async function getAll<T>(path: string, query: Record<string, string | number> = {}): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page: Page<T> = await get(path, { limit: 1000, ...query, cursor })
    items.push(...page.items)
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  return items
}

/** Fetch a file with the session's token and hand it to the browser to keep. */
export async function save(path: string, name: string): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await getBlob(path))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
