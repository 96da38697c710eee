import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import type { LogPage, LogRead, RecordedEvent } from '../ports/event-log.ts'
import { systemClock } from '../run/system-clock.ts'
import { LogTail } from './log-tail.ts'

function eventAt(position: bigint): RecordedEvent {
  const number = Number(position)
  return {
    position,
    slot: (number * 37) % 256,
    aggregate: 'a',
    stream: `s${number % 5}`,
    version: 1,
    type: ['A', 'B', 'C'][number % 3]!,
    schemaVersion: 1,
    data: {},
    commandId: 'c',
    ordinal: 0,
    causationId: undefined,
    traceparent: undefined,
    at: '2026-01-01T00:00:00.000Z',
  }
}

/** A log that grows when told to, and counts how often it is read. */
class GrowingLog {
  identity = { systemId: 'x', epoch: 1 }
  head = 0n
  reads = 0
  failing = false

  async read({ after, slots, limit, types }: LogRead): Promise<LogPage> {
    this.reads++
    await Promise.resolve()
    if (this.failing) throw new Error('connection lost')
    const events: RecordedEvent[] = []
    for (let position = after + 1n; position <= this.head; position++) {
      const event = eventAt(position)
      if (
        types?.includes(event.type) === false ||
        !slots.some((range) => event.slot >= range.from && event.slot <= range.to)
      )
        continue
      events.push(event)
      if (events.length === limit) return { events, through: position }
    }
    return { events, through: this.head > after ? this.head : after }
  }
}

const all = [{ from: 0, to: 255 }]
const clock = { ...systemClock(), monotonic: () => 0 }

/** Reads until nothing comes, as a projection does. */
async function drain(
  source: { read(options: LogRead): Promise<LogPage> },
  options: Omit<LogRead, 'after'>,
  from: bigint,
): Promise<{ positions: bigint[]; through: bigint }> {
  const positions: bigint[] = []
  let after = from
  for (;;) {
    const page = await source.read({ ...options, after })
    positions.push(...page.events.map((event) => event.position))
    if (page.through === after) return { positions, through: after }
    after = page.through
  }
}

test('several readers near the head cost one read of the log', async () => {
  const log = new GrowingLog()
  const tail = new LogTail(log, ['A', 'B', 'C'], clock)
  log.head = 10n
  await drain(tail, { slots: all, limit: 100 }, 0n)
  log.reads = 0
  log.head = 20n
  tail.wake()
  const types = [['A'], ['B'], ['A', 'C'], ['A', 'B', 'C']]
  const pages = await Promise.all(
    types.map((wanted) => tail.read({ after: 10n, slots: all, limit: 100, types: wanted })),
  )
  expect(log.reads).toBe(1)
  for (const [i, page] of pages.entries()) {
    expect(page.through).toBe(20n)
    expect(page.events.every((event) => types[i]!.includes(event.type))).toBe(true)
  }
  expect(pages[3]!.events).toHaveLength(10)
})

test('a wake-up during a read that found nothing is not lost', async () => {
  const log = new GrowingLog()
  const tail = new LogTail(log, ['A', 'B', 'C'], clock)
  log.head = 10n
  await drain(tail, { slots: all, limit: 100 }, 0n)
  const options = { after: 10n, slots: all, limit: 100 }
  tail.wake()
  // Takes what the log is now, and answers after it has grown.
  const early = tail.read(options)
  tail.wake()
  expect((await early).through).toBe(10n)
  log.head = 11n
  expect((await tail.read(options)).through).toBe(11n)
})

test('what is remembered of the end that a restore has lost is not served, also when no call failed', async () => {
  const log = new GrowingLog()
  const tail = new LogTail(log, ['A', 'B', 'C'], clock)
  await drain(tail, { slots: all, limit: 100 }, 0n)
  log.head = 20n
  tail.wake()
  await drain(tail, { slots: all, limit: 100 }, 0n)
  log.head = 8n
  expect((await tail.read({ after: 5n, slots: all, limit: 100 })).through).toBe(20n)
  log.identity = { systemId: 'x', epoch: 2 }
  const found = await drain(tail, { slots: all, limit: 100 }, 5n)
  expect(found).toEqual({ positions: [6n, 7n, 8n], through: 8n })
})

test('any reader gets exactly what the log would have given', async () => {
  const reader = fc.record({
    types: fc.subarray(['A', 'B', 'C'], { minLength: 1 }),
    from: fc.integer({ min: 0, max: 200 }),
    to: fc.integer({ min: 0, max: 255 }),
    limit: fc.integer({ min: 1, max: 50 }),
  })
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.nat(3), fc.boolean()), {
    minLength: 1,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(reader, { minLength: 1, maxLength: 4 }),
      steps,
      async (readers, growth) => {
        const log = new GrowingLog()
        const tail = new LogTail(log, ['A', 'B', 'C'], clock)
        const at = readers.map(() => 0n)
        for (const [more, who, fails] of growth) {
          log.head += BigInt(more)
          tail.wake()
          const index = who % readers.length
          const { types, from, to, limit } = readers[index]!
          const options = {
            types,
            limit,
            slots: [{ from: Math.min(from, to), to: Math.max(from, to) }],
          }
          if (fails) {
            log.failing = true
            await tail.read({ ...options, after: at[index]! }).catch(() => undefined)
            log.failing = false
          }
          const wanted = await drain(log, options, at[index]!)
          const found = await drain(tail, options, at[index]!)
          expect(found.positions).toEqual(wanted.positions)
          at[index] = found.through
          expect(found.through).toBe(wanted.through)
        }
      },
    ),
    { numRuns: 60 },
  )
})
