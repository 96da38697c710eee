import * as fc from 'fast-check'
import { isTailraceError, type Bus, type BusDelivery, type EventLog } from 'tailrace/adapter'
import { MemoryBus, MemoryTopic } from '../../packages/conformance/src/memory-bus.ts'
import { MemoryLeases } from '../../packages/conformance/src/memory-leases.ts'
import { Random } from '../../packages/simulator/src/kernel/random.ts'
import { BusTail } from '../../packages/tailrace/src/bus/bus-tail.ts'
import { decodeMessage } from '../../packages/tailrace/src/bus/decode-message.ts'
import { startRelay } from '../../packages/tailrace/src/bus/relay.ts'
import { systemClock } from '../../packages/tailrace/src/run/system-clock.ts'
import { GrowingLog } from '../../packages/tailrace/test/growing-log.ts'
import { anyMessages, damagedMessages, maxBytes } from './bus-messages.ts'
import type { FuzzArea } from './fuzz-area.ts'

const messagesPerSeed = 1_000
const eventsPerSeed = 120
const blockLimitMs = 100
const readMs = 20_000
const clock = systemClock()
const slots = [{ from: 0, to: 255 }]

/** What arrives from a bus: the decoder refuses it by name, and the reader serves the log whatever arrives. */
export class BusFuzz implements FuzzArea {
  readonly name = 'bus'
  #decoded = 0
  #refused = 0
  #damaged = 0
  #longestMs = 0

  async run(seed: number): Promise<readonly string[]> {
    return [...this.#decode(seed), ...(await this.#follow(seed))]
  }

  async finish(): Promise<readonly string[]> {
    return ({} as Record<string, unknown>)['x'] === undefined
      ? []
      : ['all objects have a new property']
  }

  summary(): string {
    return `${this.#decoded} messages were taken, ${this.#refused} refused, the longest in ${Math.round(this.#longestMs)} ms; ${this.#damaged} damaged on their way to a reader`
  }

  async close(): Promise<void> {}

  #decode(seed: number): string[] {
    const found: string[] = []
    for (const message of fc.sample(anyMessages, { seed, numRuns: messagesPerSeed })) {
      const began = performance.now()
      try {
        decodeMessage(message, maxBytes)
        this.#decoded++
      } catch (error) {
        this.#refused++
        if (!isTailraceError(error) || error.code !== 'MESSAGE_INVALID')
          found.push(`the decoder threw ${String(error)} for ${textOf(message)}`)
      }
      this.#longestMs = Math.max(this.#longestMs, performance.now() - began)
      if (performance.now() - began > blockLimitMs && blocksAgain(message))
        found.push(`the decoder blocks the event loop with ${textOf(message)}`)
    }
    return found
  }

  /** The product's relay and reader, with a bus between them that damages every fifth message. */
  async #follow(seed: number): Promise<string[]> {
    const random = new Random(seed, 11)
    const topic = new MemoryTopic(3)
    const log = new GrowingLog()
    const settings = { layoutEveryMs: 10, pageSize: 50 }
    const relay = startRelay({
      bus: new MemoryBus(topic),
      log,
      leases: new MemoryLeases(clock),
      clock,
      settings,
    })
    const tail = new BusTail({
      bus: this.#damaging(new MemoryBus(topic), random),
      log,
      types: ['A', 'B', 'C'],
      clock,
      onGrown: () => undefined,
      settings: { holeMs: 5, lateMs: 20, silentMs: 30, behindMs: 10 },
    })
    try {
      let last = 0n
      for (let i = 0; i < 4; i++) {
        last = log.record(eventsPerSeed / 4)
        relay.wake()
        await tail.read({ after: last, slots, limit: 1 })
        await clock.sleep(2)
      }
      return await firstDifference(tail, log, last)
    } finally {
      await tail.close()
      await relay.stop()
    }
  }

  #damaging(inner: Bus, random: Random): Bus {
    const damage = (message: BusDelivery): BusDelivery => {
      if (!random.chance(0.2)) return message
      this.#damaged++
      return fc.sample(damagedMessages(message), { seed: random.below(2 ** 31), numRuns: 1 })[0]!
    }
    return {
      kind: 'bus',
      name: inner.name,
      maxBytes: inner.maxBytes,
      layout: () => inner.layout(),
      publish: (...given) => inner.publish(...given),
      lastPublished: (partition) => inner.lastPublished(partition),
      close: () => inner.close(),
      subscribe: (options) =>
        inner.subscribe({
          ...options,
          onMessages: (messages) => options.onMessages(messages.map(damage)),
        }),
    }
  }
}

async function firstDifference(
  tail: Pick<EventLog, 'read'>,
  log: GrowingLog,
  last: bigint,
): Promise<string[]> {
  const end = clock.monotonic() + readMs
  for (let after = 0n; after < last;) {
    const page = await tail.read({ after, slots, limit: 30 })
    const wanted = log.events.filter(({ position }) => position > after && position <= page.through)
    if (JSON.stringify(page.events, plain) !== JSON.stringify(wanted, plain))
      return [`the reader served other events than the log has from ${after} to ${page.through}`]
    if (page.through === after) await clock.sleep(1)
    after = page.through
    if (clock.monotonic() > end) return [`the reader stands still at ${after} of ${last}`]
  }
  return []
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

/** A busy machine is slow too: only what is slow each time blocks. */
function blocksAgain(message: BusDelivery): boolean {
  for (let i = 0; i < 3; i++) {
    const began = performance.now()
    try {
      decodeMessage(message, maxBytes)
    } catch {
      // Refused, as it was before.
    }
    if (performance.now() - began <= blockLimitMs) return false
  }
  return true
}

function textOf({ headers, body }: BusDelivery): string {
  return `${JSON.stringify([...headers])} ${Buffer.from(body).toString('latin1').slice(0, 300)}`
}
