import { event, projection } from 'tailrace'
import {
  startProjectionWorker,
  type ProjectionWorker,
  type ProjectionWorkerOptions,
  type ReadStore,
  type RunnerStatus,
} from 'tailrace/adapter'
import { z } from 'zod'
import { until, workerRig, type WorkerRig } from '../../../test/support/worker-rig.ts'

const Happened = event('Happened', z.object({ n: z.int() }))

export function sums(name: string, version = 1) {
  return projection(name, {
    version,
    from: [Happened],
    document: z.object({ sum: z.int(), count: z.int() }),
    key: (e) => e.stream,
    on: {
      Happened: (e, doc) => {
        // Now and then a document goes, and comes back with the next event.
        if (e.data.n % 37 === 36) return null
        return { sum: (doc?.sum ?? 0) + e.data.n, count: (doc?.count ?? 0) + 1 }
      },
    },
  })
}

/** A log on PostgreSQL whose events a worker folds into a search index. */
export interface SearchRig {
  readonly rig: WorkerRig
  /** Records events of 40 streams, and gives the last position. */
  happen(count: number): Promise<bigint>
  start(
    store: ReadStore,
    name: string,
    version?: number,
    over?: Partial<ProjectionWorkerOptions>,
  ): ProjectionWorker
  /** Waits for the worker to reach a position, and compares the whole read model with the log. */
  exact(worker: ProjectionWorker, store: ReadStore, name: string, head: bigint): Promise<void>
  drop(): Promise<void>
}

export async function searchRig(): Promise<SearchRig> {
  const rig = await workerRig()
  const { log, leases, clock } = rig
  const happened: { readonly stream: string; readonly n: number }[] = []
  const history = `${log.identity.systemId}/${log.identity.epoch}`

  function expected(): Record<string, unknown> {
    const found: Record<string, { sum: number; count: number }> = {}
    for (const { stream, n } of happened) {
      if (n % 37 === 36) {
        delete found[stream]
        continue
      }
      const { sum, count } = found[stream] ?? { sum: 0, count: 0 }
      found[stream] = { sum: sum + n, count: count + 1 }
    }
    return found
  }

  return {
    rig,
    happen(count) {
      const events = Array.from({ length: count }, (_, i) => ({ stream: `s${i % 40}`, n: i }))
      happened.push(...events)
      return rig.record(...events.map(({ stream, n }) => ({ stream, payload: { n } })))
    },
    start: (store, name, version = 1, over = {}) =>
      startProjectionWorker({
        projections: [{ projection: sums(name, version), store }],
        log,
        leases,
        clock,
        limits: { events: 50, eventsBehind: 50 },
        ...over,
      }),
    async exact(worker, store, name, head) {
      worker.wake()
      await until(() => positionOf(worker) >= head, `position ${head}`, 60_000).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}; ${JSON.stringify(statusOf(worker), plain)}`)
        },
      )
      const opened = await store.open(sums(name), history)
      const found: Record<string, unknown> = {}
      for await (const page of opened.dump())
        for (const { key, document } of page) found[key] = document
      const wanted = expected()
      if (JSON.stringify(sorted(found)) !== JSON.stringify(sorted(wanted)))
        throw new Error(
          `expected ${JSON.stringify(sorted(wanted))}, got ${JSON.stringify(sorted(found))}`,
        )
    },
    drop: () => rig.drop(),
  }
}

export function statusOf(worker: ProjectionWorker): RunnerStatus {
  return worker.status()[0]!
}

function positionOf(worker: ProjectionWorker): bigint {
  return statusOf(worker).position ?? 0n
}

function sorted(found: Record<string, unknown>): [string, unknown][] {
  return Object.entries(found)
    .map(([key, document]): [string, unknown] => {
      const { sum, count } = document as { sum: number; count: number }
      return [key, { sum, count }]
    })
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
