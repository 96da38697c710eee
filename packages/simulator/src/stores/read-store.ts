import {
  isTailraceError,
  TailraceError,
  type AnyProjectionDef,
  type ProjectionStore,
  type ReadStore,
} from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import { simProjectionStore } from './projection-store.ts'
import { VersionState, versionKey } from './store-state.ts'
import type { StoreServer } from './store-server.ts'

/** Asks the store's server, as one process. Throws `UNAVAILABLE` and what the server says. */
export type AskStore = <T>(
  name: string,
  writes: boolean,
  effect: () => T | Promise<T>,
) => Promise<T>

export function asking(store: StoreServer, process: Process): AskStore {
  const { server, simulation } = store
  return async (name, writes, effect) => {
    try {
      return await simulation.network.call({ process, server, name, writes, effect })
    } catch (error) {
      if (isTailraceError(error)) simulation.marks.sometimes(`a read store refuses: ${error.code}`)
      if (!(error instanceof NoAnswer)) throw error
      throw new TailraceError('UNAVAILABLE', error.message, { retryable: true, cause: error })
    }
  }
}

/** A read store as one process reaches it. */
export function simReadStore(store: StoreServer, process: Process): ReadStore {
  const ask = asking(store, process)
  const { tuning } = store
  const exists = (projection: string, version: number): boolean =>
    store.state.versions.has(versionKey(projection, version))
  return {
    kind: 'read-store',
    name: store.server.name,
    guarantee: tuning.guarantee,
    capabilities: {
      find: false,
      text: false,
      facets: false,
      sql: tuning.guarantee === 'transactional',
      rows: tuning.guarantee !== 'versioned',
      visibleOnWrite: tuning.refreshMs === 0,
    },
    async open(projection, history): Promise<ProjectionStore> {
      await ask('open', true, () => openVersion(store, projection))
      return simProjectionStore(store, ask, projection, history)
    },
    liveVersion: (projection) => ask('live version', false, () => store.state.live.get(projection)),
    switchTo: (projection, version, from) =>
      ask('switch', true, async () => {
        if (tuning.switchMs > 0) await store.aWhile(tuning.switchMs)
        if (!exists(projection, version))
          throw new TailraceError('CONFIG', `expected version ${version} to exist, got none`)
        const live = store.state.live.get(projection)
        if (from !== undefined && (live ?? 'none') !== from) {
          store.simulation.marks.sometimes('readers are on another version when they are switched')
          return false
        }
        assertStarted(store, projection, version)
        store.state.live.set(projection, version)
        return true
      }),
    versions: (projection) =>
      ask('versions', false, () =>
        [...store.state.versions.keys()].flatMap((key) => {
          const [name, version] = key.split(' ')
          return name === projection ? [Number(version)] : []
        }),
      ),
    drop: (projection, version) =>
      ask('drop', true, () => {
        if (store.state.live.get(projection) === version)
          throw new TailraceError('CONFIG', `expected a version that is not live, got ${version}`)
        store.state.versions.delete(versionKey(projection, version))
      }),
    ping: () => ask('ping', false, () => undefined),
    close: async () => undefined,
  }
}

/** As long as a worker may take to switch what it has just looked at. */
const underWayMs = 1_000

/**
 * Readers may leave a version only for one in which every range has begun, or had begun before the store went back to an
 * older copy under the worker that was about to switch them.
 */
function assertStarted(store: StoreServer, projection: string, version: number): void {
  const live = store.state.live.get(projection)
  if (live === undefined || live >= version) return
  const old = store.state.versions.get(versionKey(projection, live))
  const next = store.state.versions.get(versionKey(projection, version))
  const wanted = old?.checkpoints.size ?? 0
  if (next!.checkpoints.size >= wanted) return
  const restored =
    (store.restoredAt.at(-1) ?? -underWayMs) > store.simulation.kernel.nowMs - underWayMs
  const before = store.lost?.versions.get(versionKey(projection, version))
  if (!restored || (before?.checkpoints.size ?? 0) < wanted)
    store.onViolation('I22', `${projection} was switched to version ${version} before it was built`)
}

function openVersion(store: StoreServer, projection: AnyProjectionDef): void {
  const key = versionKey(projection.name, projection.version)
  const shape = shapeOf(projection)
  const found = store.state.versions.get(key)
  if (found === undefined) store.state.versions.set(key, new VersionState(shape))
  else if (found.shape !== shape)
    throw new TailraceError('CONFIG', `expected ${key} to have the shape ${shape}, got another`)
}

/** The table that a version would have: what a document looks like is declared with the schema's name. */
function shapeOf({ shape, schema }: AnyProjectionDef): string {
  const vendor = (schema as { readonly '~standard'?: { readonly vendor: string } } | undefined)?.[
    '~standard'
  ]?.vendor
  return `${String(shape)} ${vendor ?? ''}`
}
