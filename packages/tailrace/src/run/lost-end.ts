import { TailraceError } from '../errors.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { ProjectionStore } from '../ports/read-store.ts'
import { historyText } from '../project/inspect-version.ts'
import type { BoundProjection } from './stores-of.ts'

/** What read models show of an end that the log has lost. */
export interface LostEnd {
  /** The highest position that a read model has passed. */
  readonly passed: bigint
  /** Where the log ends. */
  readonly head: bigint
  /** The read model that shows it. */
  readonly projection: string
}

/**
 * Whether a read model has passed positions of this history that the log does not hold: the write database was set back in a
 * way that it cannot know of, as by the snapshot of a disk. Followed on, the positions would be given to other events, and
 * these would be missing in that read model for ever. Stores that do not answer say nothing.
 */
export async function findLostEnd(
  bound: readonly BoundProjection[],
  log: Pick<EventLog, 'identity' | 'head'>,
): Promise<LostEnd | undefined> {
  const history = historyText(log.identity)
  let passed = 0n
  let projection = ''
  for (const one of bound) {
    for (const store of await versionsThatCount(one, history)) {
      for (const checkpoint of (await checkpointsOf(store)).values()) {
        if (checkpoint.history !== history || checkpoint.position <= passed) continue
        passed = checkpoint.position
        projection = one.projection.name
      }
    }
  }
  // Read after them: what they have passed was there before.
  const head = passed === 0n ? undefined : await log.head()
  return head === undefined || historyText(head) !== history || passed <= head.position
    ? undefined
    : { passed, head: head.position, projection }
}

/** How a person hears of it. */
export function lostEndError({ passed, head, projection }: LostEnd): TailraceError {
  return new TailraceError(
    'LOG_EPOCH_CHANGED',
    `expected the log to hold position ${passed}, which read model "${projection}" has passed, got its end at ${head}: the write database was set back; a new history begins, and read models that hold what was lost wait for a higher version`,
  )
}

/** The declared version, and the one that queries read. */
async function versionsThatCount(
  { projection, store }: BoundProjection,
  history: string,
): Promise<readonly ProjectionStore[]> {
  const live = await store.liveVersion(projection.name).catch(() => undefined)
  const versions = new Set([projection.version, live ?? projection.version])
  const opened = await Promise.allSettled(
    [...versions].map((version) => store.open({ ...projection, version }, history)),
  )
  return opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

async function checkpointsOf(
  store: ProjectionStore,
): Promise<Awaited<ReturnType<ProjectionStore['checkpoints']>>> {
  return store.checkpoints().catch(() => new Map())
}
