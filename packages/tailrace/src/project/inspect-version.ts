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
 * Throws `PROJECTION_DIVERGED` when a checkpoint belongs to another log, to a lost history, or lies beyond the head; and when
 * something is stored of events that the log has lost, written by a worker that ended before it moved its checkpoint.
 * `ranges`: those that are to go on; one without a checkpoint may have begun long ago.
 */
export async function inspectVersion(
  projection: AnyProjectionDef,
  readStore: ReadStore,
  log: EventLog,
  ranges: readonly number[] = [],
): Promise<VersionFound> {
  const head = await log.head()
  const store = await readStore.open(projection, historyText(head))
  const checkpoints = await store.checkpoints()
  const strangers = [...checkpoints.values()].some(
    (checkpoint) => checkpoint.history !== historyText(head),
  )
  // Documents begin with a load, which removes what is there.
  const begins =
    projection.shape !== 'fold' && ranges.some((range) => checkpoints.get(range) === undefined)
  const epochs = strangers || begins ? await log.epochs() : []
  for (const [range, checkpoint] of checkpoints) {
    const reason = divergence(checkpoint, head, epochs)
    if (reason === undefined) continue
    throw diverged(projection, `the checkpoint of ${nameOf(projection)}`, head, reason, {
      range,
      position: checkpoint.position.toString(),
      history: checkpoint.history,
    })
  }
  const histories = new Set([...checkpoints.values()].map(({ history }) => history))
  const oldest = begins ? 0 : epochs.findIndex((epoch) => histories.has(historyText(epoch)))
  const lost = await lostData(store, epochs.slice(oldest + 1))
  if (lost !== undefined) {
    const { lastPosition, firstPosition } = lost
    throw diverged(
      projection,
      `what ${nameOf(projection)} holds`,
      head,
      `something of an event between ${lastPosition} and ${firstPosition}, which the log has lost`,
      { position: lastPosition.toString() },
    )
  }
  return { store, head, checkpoints }
}

/** The first of these epochs before which the log lost something that the store still holds: no event will come that replaces it. */
async function lostData(
  store: ProjectionStore,
  epochs: readonly LogEpoch[],
): Promise<LogEpoch | undefined> {
  for (const epoch of epochs)
    if (await store.holdsBetween?.(epoch.lastPosition, epoch.firstPosition)) return epoch
  return undefined
}

function nameOf({ name, version }: AnyProjectionDef): string {
  return `projection "${name}" version ${version}`
}

function diverged(
  projection: AnyProjectionDef,
  what: string,
  head: LogHead,
  got: string,
  details: Readonly<Record<string, unknown>>,
): TailraceError {
  return new TailraceError(
    'PROJECTION_DIVERGED',
    `expected ${what} to lie in the log ${historyText(head)}, got ${got}; nothing was applied: rebuild the projection`,
    { details: { projection: projection.name, ...details } },
  )
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
