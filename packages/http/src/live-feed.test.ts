import { expect, test } from 'vitest'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { ticketApp } from '../../../test/support/ticket-app.ts'
import { LiveFeed } from './live-feed.ts'

const watched = new Map([
  ['tickets', ['ticket']],
  ['counts', ['counts']],
])
const never = new AbortController().signal

test('a listener that takes nothing is owed only the latest position of each read model', async () => {
  const engine = new MemoryEngine(ticketApp)
  const feed = new LiveFeed(engine, { heartbeatMs: 60_000, liveMaxAgeMs: 60_000 })
  const stream = await feed.connect(watched, undefined, never)
  for (let position = 1n; position <= 10_000n; position++) {
    engine.announce('tickets', position)
    engine.announce('counts', position / 2n)
  }
  const reader = stream.getReader()
  let text = ''
  while (!text.includes('10000')) text += new TextDecoder().decode((await reader.read()).value)
  const events = text.split('\n\n').filter((event) => event.startsWith('event: checkpoint'))
  expect(events).toHaveLength(2)
  expect(text).toContain('"position":"10000"')
  expect(text).toContain('"position":"5000"')
  await reader.cancel()
  expect([feed.size, engine.listeners]).toEqual([0, 0])
})

test('a listener that takes nothing for four heartbeats is let go', async () => {
  const engine = new MemoryEngine(ticketApp)
  const feed = new LiveFeed(engine, { heartbeatMs: 2, liveMaxAgeMs: 60_000 })
  const stalled = await feed.connect(watched, undefined, never)
  await expect.poll(() => feed.size).toBe(0)
  expect(engine.listeners).toBe(0)
  await stalled.cancel()
})

test('a caller who is gone already leaves nothing behind', async () => {
  const engine = new MemoryEngine(ticketApp)
  const feed = new LiveFeed(engine, { heartbeatMs: 60_000, liveMaxAgeMs: 60_000 })
  await feed.connect(watched, undefined, AbortSignal.abort())
  const broken = Object.assign(new MemoryEngine(ticketApp), {
    status: () => Promise.reject(new Error('gone')),
  })
  const other = new LiveFeed(broken, { heartbeatMs: 60_000, liveMaxAgeMs: 60_000 })
  await expect(other.connect(watched, undefined, never)).rejects.toThrow('gone')
  expect([feed.size, other.size, engine.listeners, broken.listeners]).toEqual([0, 0, 0, 0])
})
