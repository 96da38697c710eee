import {
  TailraceError,
  type AnyProjectionDef,
  type ApplyBatch,
  type CheckpointMove,
} from 'tailrace/adapter'
import { joinsFreeKey, moveRefused, versionKey, type VersionState } from './store-state.ts'
import type { StoreServer } from './store-server.ts'

/** The version at rest. Throws `UNAVAILABLE` when somebody dropped it. */
export function versionOf(store: StoreServer, projection: AnyProjectionDef): VersionState {
  const found = store.state.versions.get(versionKey(projection.name, projection.version))
  if (found !== undefined) return found
  throw new TailraceError('UNAVAILABLE', 'expected the tables of the version, got none', {
    retryable: true,
  })
}

/** Throws `PROJECTION_FENCED` unless every checkpoint stands where its move begins. */
export function assertMoves(
  state: VersionState,
  moves: readonly CheckpointMove[],
  history: string,
): void {
  for (const move of moves) {
    const refused = moveRefused(state, move, history)
    if (refused !== undefined)
      throw new TailraceError(
        'PROJECTION_FENCED',
        `expected range ${move.range} at ${move.from ?? 'no position'} under fence ${move.fence}, got ${refused}`,
      )
  }
}

/** Throws `PARKED_KEY_CHANGED` for followers of a key that is free. */
export function assertParked(state: VersionState, park: ApplyBatch['park']): void {
  const free = park.find((entry) => joinsFreeKey(state, entry))
  if (free !== undefined) throw parkedKeyChanged(free.key)
}

export function parkedKeyChanged(key: string): TailraceError {
  return new TailraceError('PARKED_KEY_CHANGED', `expected key "${key}" as it was, got another`, {
    retryable: true,
  })
}
