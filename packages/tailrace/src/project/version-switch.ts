import type { AnyProjectionDef } from '../declare/projection.ts'
import { isTailraceError } from '../errors.ts'
import type { ProjectionStore, ReadStore } from '../ports/read-store.ts'

/** A version that readers may use. */
export interface ReadableVersion {
  /** The store's live version; undefined before the first. */
  readonly live: number | undefined
  /** The one opened: the live one where this code can read it. */
  readonly version: number
  readonly store: ProjectionStore
}

/**
 * Opens what readers of a projection should read: the live version, while this code can read it, else the declared one.
 * A live version of another document shape belongs to other code.
 */
export async function openReadable(
  projection: AnyProjectionDef,
  store: ReadStore,
  history: string,
): Promise<ReadableVersion> {
  const live = await store.liveVersion(projection.name)
  if (live !== undefined && live !== projection.version) {
    try {
      return {
        live,
        version: live,
        store: await store.open({ ...projection, version: live }, history),
      }
    } catch (error) {
      if (!isTailraceError(error) || error.code !== 'CONFIG') throw error
    }
  }
  return { live, version: projection.version, store: await store.open(projection, history) }
}

/** Whether every range that exists has a checkpoint at or after a position. */
export function hasReached(
  checkpoints: ReadonlyMap<number, { readonly position: bigint }>,
  ranges: number,
  position: bigint,
): boolean {
  return (
    checkpoints.size >= ranges &&
    [...checkpoints.values()].every((checkpoint) => checkpoint.position >= position)
  )
}

/** Switches readers back to an older version, which is still there. */
export async function rollBack(
  store: ReadStore,
  projection: string,
  version: number,
): Promise<void> {
  await store.switchTo(projection, version)
}

/** Drops every version but the live one and those to keep (such as the one before, for a rollback). Returns the dropped. */
export async function dropAbandoned(
  store: ReadStore,
  projection: string,
  keep: readonly number[],
): Promise<readonly number[]> {
  const live = await store.liveVersion(projection)
  const abandoned = (await store.versions(projection)).filter(
    (version) => version !== live && !keep.includes(version),
  )
  for (const version of abandoned) await store.drop(projection, version)
  return abandoned
}
