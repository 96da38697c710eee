import type { ProjectionStore, ReadSnapshot } from 'tailrace/adapter'
import type { Environment } from './environment.ts'
import { lmdbReader } from './lmdb-reader.ts'
import { isParked, parkedAs } from './parked-keys.ts'
import type { VersionTables } from './version-tables.ts'

interface SnapshotPart {
  readonly tables: VersionTables
  /** For errors. */
  readonly where: string
}

/** What the stores of this process are made of, for snapshots of several. */
export const parts = new WeakMap<
  ProjectionStore,
  SnapshotPart & { readonly environment: Environment }
>()

/** One state of several read models of one environment; undefined where one of them is elsewhere. */
export function snapshotWith(
  environment: Environment,
  stores: readonly ProjectionStore[],
): Promise<readonly ReadSnapshot[]> | undefined {
  const own = stores.flatMap((store) => {
    const part = parts.get(store)
    return part?.environment === environment ? [part] : []
  })
  if (own.length < stores.length) return undefined
  return Promise.try(() => openSnapshots(environment, own))
}

/** One read transaction for all, which ends when the last is released. */
export function openSnapshots(
  environment: Environment,
  opened: readonly SnapshotPart[],
): readonly ReadSnapshot[] {
  environment.assertOpen()
  const transaction = environment.root.useReadTransaction()
  let held = opened.length
  const done = (): void => {
    if (--held === 0) transaction.done()
  }
  try {
    return opened.map((part): ReadSnapshot => {
      const { documents, state, checkpoints } = part.tables
      let released = false
      return {
        ...checkpoints.read({ transaction }),
        parkedAmong: async (keys) =>
          keys.filter((key) => isParked(state, parkedAs({ key }), { transaction })),
        reader: lmdbReader(environment, documents, part.where, { transaction }),
        release() {
          if (!released) done()
          released = true
        },
      }
    })
  } catch (error) {
    transaction.done()
    throw error
  }
}
