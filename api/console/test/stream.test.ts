import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openStream } from '../src/api/stream'
import type { StreamEvent } from '../src/api/types'

class Socket {
  static all: Socket[] = []
  onopen?: () => void
  onmessage?: (message: { data: string }) => void
  onclose: (() => void) | null = null
  constructor(readonly url: string, readonly protocols: string[]) {
    Socket.all.push(this)
  }
  close(): void {
    this.onclose?.()
  }
  say(event: Partial<StreamEvent>): void {
    this.onmessage!({ data: JSON.stringify(event) })
  }
}

beforeEach(() => {
  Socket.all = []
  vi.stubGlobal('WebSocket', Socket)
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function open(resume = async () => 40) {
  const connected: boolean[] = []
  const events: number[] = []
  const close = openStream({
    token: () => 'secret',
    resume,
    event: (event) => events.push(event.id),
    connected: (yes) => connected.push(yes),
  })
  return { connected, events, close }
}
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

test('the token goes as a subprotocol and never into the address', async () => {
  open()
  await settle()
  expect(Socket.all[0]!.protocols).toEqual(['bearer', 'secret'])
  expect(Socket.all[0]!.url).not.toContain('secret')
})

test('a lost stream comes back after the last event it saw, positions not counted', async () => {
  const { connected, events } = open()
  await settle()
  Socket.all[0]!.onopen!()
  Socket.all[0]!.say({ id: 41, type: 'alert.opened' })
  Socket.all[0]!.say({ id: 90, type: 'positions' })
  Socket.all[0]!.close()
  await settle(2000)
  expect(Socket.all.map((socket) => socket.url.split('?')[1])).toEqual(['last_event_id=40', 'last_event_id=41'])
  expect(connected).toEqual([true, false])
  expect(events).toEqual([41, 90])
})

test('a server that does not answer is asked again, later', async () => {
  let asked = 0
  const { connected } = open(async () => {
    asked += 1
    if (asked < 3) throw new Error('refused')
    return 7
  })
  await settle(10_000)
  expect(asked).toBe(3)
  expect(connected).toEqual([false, false])
  expect(Socket.all).toHaveLength(1)
})

test('a stream that was closed on purpose stays closed', async () => {
  const { close } = open()
  await settle()
  close()
  await settle(60_000)
  expect(Socket.all).toHaveLength(1)
})
