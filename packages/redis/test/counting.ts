import { canonical, cleanFold, ListLog, MemoryLeases, recorded } from '@tailrace/conformance'
import { event, projection } from 'tailrace'
import {
  startProjectionWorker,
  systemClock,
  type ProjectionStore,
  type ProjectionWorker,
  type ReadStore,
  type RecordedEvent,
} from 'tailrace/adapter'
import { expect } from 'vitest'
import { z } from 'zod'
import { until } from '../../../test/support/worker-rig.ts'

const Added = event('Added', z.object({ amount: z.int() }))
const Closed = event('Closed', z.object({}))

/** Adds up, so that an event too few or too often shows; deletes and makes anew; a negative amount cannot be handled. */
export const sums = (version = 1) =>
  projection('sums', {
    version,
    from: [Added, Closed],
    document: z.object({ parity: z.string(), sum: z.int(), count: z.int() }),
    key: (e) => e.stream,
    lookup: { by: [['parity', 'sum'], ['sum']] },
    on: {
      Added: (e, doc) => {
        if (e.data.amount < 0) throw new Error('a negative amount')
        const sum = (doc?.sum ?? 0) + e.data.amount
        return { parity: sum % 2 === 0 ? 'even' : 'odd', sum, count: (doc?.count ?? 0) + 1 }
      },
      Closed: () => null,
    },
  })

export const history = '00000000000000ff/1'

/** A log in memory that grows, with a worker that folds it into a store. */
export class Counting {
  readonly #events: RecordedEvent[] = []
  readonly log = new ListLog(this.#events)
  readonly #leases = new MemoryLeases(systemClock())
  #worker: ProjectionWorker | undefined

  /** Records more events of 40 streams; each 50th closes its stream. */
  happen(count: number): bigint {
    const before = this.#events.length
    const given = Array.from({ length: before + count }, (_, i) => ({
      stream: `s${(i * 7) % 40}`,
      event: i % 50 === 49 ? Closed({}) : Added({ amount: i % 13 }),
    }))
    this.#events.push(...recorded(given).slice(before))
    this.#worker?.wake()
    return this.log.last
  }

  start(store: ReadStore, version = 1): ProjectionWorker {
    this.#worker = startProjectionWorker({
      projections: [{ projection: sums(version), store }],
      log: this.log,
      leases: this.#leases,
      clock: systemClock(),
      owner: `worker-${version}`,
      build: { fromEvents: 2_000 },
    })
    return this.#worker
  }

  async stop(): Promise<void> {
    await this.#worker?.stop()
  }

  get status() {
    return this.#worker!.status()[0]!
  }

  /** Waits for the worker to stand at the head. */
  async caughtUp(ms = 30_000): Promise<void> {
    await until(
      () => (this.status.position ?? -1n) >= this.log.last,
      `the head ${this.log.last}, at ${this.status.position}: ${this.status.lastError}`,
      ms,
    )
  }

  /** Waits for the worker to say what it waits for. */
  async waits(reason: RegExp, ms = 15_000): Promise<void> {
    await until(
      () => reason.test(this.status.waiting ?? ''),
      `the worker to wait for ${reason}, which says ${this.status.waiting}`,
      ms,
    )
  }

  /** Asserts that the store holds what the log comes to: nothing lost, nothing twice. */
  async expectExact(store: ReadStore, version = 1): Promise<void> {
    const opened: ProjectionStore = await store.open(sums(version), history)
    const found = new Map<string, string>()
    for await (const page of opened.dump())
      for (const { key, document } of page) found.set(key, canonical(document))
    const wanted = [...cleanFold(sums(version), this.#events)].map(
      ([key, document]): [string, string] => [key, canonical(document)],
    )
    expect(found).toEqual(new Map(wanted))
  }
}
