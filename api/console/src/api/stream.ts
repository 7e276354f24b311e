/**
 * The live stream: one WebSocket that comes back by itself, from the event it last saw.
 * `resume` runs before each connection (fresh positions are not replayed by the server).
 */
import type { StreamEvent } from './types'

export const FIRST_DELAY_MS = 1000
export const LAST_DELAY_MS = 15_000

/** How long to wait before the `attempt`-th try, 0 the first: doubling, with ±20 % so that many consoles do not knock at once. */
export function backoffMs(attempt: number, random = Math.random()): number {
  return Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt) * (0.8 + 0.4 * random)
}

export interface StreamHooks {
  token: () => string
  /** Brings the picture up to date over HTTP; answers the id of the newest event in it. */
  resume: () => Promise<number>
  event: (event: StreamEvent) => void
  connected: (yes: boolean) => void
}

/** Opens the stream; the answer closes it for good. */
export function openStream(hooks: StreamHooks): () => void {
  let socket: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let attempt = 0
  let closed = false
  let lastId: number | undefined

  const retry = (): void => {
    hooks.connected(false)
    if (!closed) timer = setTimeout(connect, backoffMs(attempt++))
  }

  const connect = async (): Promise<void> => {
    try {
      const seen = await hooks.resume()
      lastId ??= seen
    } catch {
      return retry()
    }
    if (closed) return
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    socket = new WebSocket(
      `${scheme}://${location.host}/api/v1/stream?last_event_id=${lastId}`,
      ['bearer', hooks.token()],
    )
    socket.onopen = () => {
      attempt = 0
      hooks.connected(true)
    }
    socket.onmessage = (message: MessageEvent<string>) => {
      const event = JSON.parse(message.data) as StreamEvent
      // Positions carry no place in the order of events to resume from.
      if (event.type !== 'positions') lastId = event.id
      hooks.event(event)
    }
    socket.onclose = retry
  }

  void connect()
  return () => {
    closed = true
    clearTimeout(timer)
    if (socket) socket.onclose = null
    socket?.close()
  }
}
