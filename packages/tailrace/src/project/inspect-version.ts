import type { AnyProjectionDef } from '../declare/projection.ts'
import { TailraceError } from '../errors.ts'
import type { EventLog, LogEpoch, LogHead, LogIdentity } from '../ports/event-log.ts'
import type {
  Checkpoint,
  LogIdentityText,
  ProjectionStore,
  ReadStore,
} from '../ports/read-store.ts'

/** What is found where a projection version lives. */
export interface VersionFound {
  readonly store: ProjectionStore
  readonly head: LogHead
  readonly checkpoints: ReadonlyMap<number, Checkpoint>
}

/** How checkpoints name the history of a log. */
export function historyText(identity: LogIdentity): LogIdentityText {
  return `${identity.systemId}/${identity.epoch}`
}

/**
 * Opens a projection version and compares it with the log before anything is applied.
 * Throws `PROJECTION_DIVERGED` when a checkpoint belongs to another log, to a lost history, or lies beyond the head.
 */
export async function inspectVersion(
  projection: AnyProjectionDef,
  readStore: ReadStore,
  log: EventLog,
): Promise<VersionFound> {
  const head = await log.head()
  const store = await readStore.open(projection, historyText(head))
  const checkpoints = await store.checkpoints()
  const strangers = [...checkpoints.values()].some(
    (checkpoint) => checkpoint.history !== historyText(head),
  )
  const epochs = strangers ? await log.epochs() : []
  for (const [range, checkpoint] of checkpoints) {
    const reason = divergence(checkpoint, head, epochs)
    if (reason === undefined) continue
    throw new TailraceError(
      'PROJECTION_DIVERGED',
      `expected the checkpoint of projection "${projection.name}" version ${projection.version} to lie in the log ${historyText(head)}, got ${reason}; nothing was applied: rebuild the projection`,
      {
        details: {
          projection: projection.name,
          range,
          position: checkpoint.position.toString(),
          history: checkpoint.history,
        },
      },
    )
  }
  return { store, head, checkpoints }
}

/** Why a checkpoint cannot be continued from; undefined when it can. */
export function divergence(
  checkpoint: Pick<Checkpoint, 'position' | 'history'>,
  head: LogHead,
  epochs: readonly LogEpoch[],
): string | undefined {
  if (checkpoint.position < 0n) return `position ${checkpoint.position}, which no log has`
  if (checkpoint.history !== historyText(head)) {
    const at = epochs.findIndex((epoch) => historyText(epoch) === checkpoint.history)
    if (at === -1)
      return `position ${checkpoint.position} of the unknown history ${checkpoint.history}`
    const lost = epochs.slice(at + 1).find((later) => checkpoint.position > later.lastPosition)
    if (lost !== undefined) {
      return `position ${checkpoint.position} of history ${checkpoint.history}, of which only ${lost.lastPosition} positions survived`
    }
  }
  return checkpoint.position > head.position
    ? `position ${checkpoint.position} beyond the head ${head.position}`
    : undefined
}
