import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import { historyText } from '../project/inspect-version.ts'
import { within } from '../read/within.ts'
import type { BoundProjection } from './stores-of.ts'

const answerMs = 2_000

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
 * these would be missing in that read model for ever. Stores that do not answer soon say nothing, and hold nobody up.
 */
export async function findLostEnd(
  bound: readonly BoundProjection[],
  log: Pick<EventLog, 'identity' | 'head'>,
  clock: Clock,
): Promise<LostEnd | undefined> {
  const history = historyText(log.identity)
  const found = await Promise.all(
    bound.map((one) =>
      within(clock, answerMs, one.store.name, passedBy(one, history)).catch(() => 0n),
    ),
  )
  const passed = found.reduce((most, position) => (position > most ? position : most), 0n)
  // Read after them: what they have passed was there before.
  const head = passed === 0n ? undefined : await log.head()
  return head === undefined || historyText(head) !== history || passed <= head.position
    ? undefined
    : {
        passed,
        head: head.position,
        projection: bound[found.indexOf(passed)]!.projection.name,
      }
}

/** How a person hears of it. */
export function lostEndError({ passed, head, projection }: LostEnd): TailraceError {
  return new TailraceError(
    'LOG_EPOCH_CHANGED',
    `expected the log to hold position ${passed}, which read model "${projection}" has passed, got its end at ${head}: the write database was set back; a new history begins, and read models that hold what was lost wait for a higher version`,
  )
}

/** The highest position of this history that the declared version has passed, or the one that queries read. */
async function passedBy({ projection, store }: BoundProjection, history: string): Promise<bigint> {
  const live = await store.liveVersion(projection.name)
  const versions = new Set([projection.version, live ?? projection.version])
  let passed = 0n
  for (const version of versions) {
    // This code may be unable to read the shape of the live one.
    const opened = await store.open({ ...projection, version }, history).catch(() => undefined)
    for (const checkpoint of (await opened?.checkpoints())?.values() ?? [])
      if (checkpoint.history === history && checkpoint.position > passed)
        passed = checkpoint.position
  }
  return passed
}
