import { TailraceError } from '../errors.ts'
import type { Checkpoint, CheckpointMove, LogIdentityText } from '../ports/read-store.ts'

/**
 * Whether a checkpoint may move, for stores that compare in the process. `current`: where the range stands; undefined: it
 * never started. Throws `PROJECTION_FENCED` when a higher fence wrote it, when it stands elsewhere than `from`, and when it
 * belongs to another system or a later epoch than `history`. `where` names the projection version.
 */
export function checkMove(
  current: Pick<Checkpoint, 'position' | 'fence' | 'history'> | undefined,
  { range, fence, from }: CheckpointMove,
  history: LogIdentityText,
  where: string,
): void {
  if (current !== undefined && current.fence > fence) {
    throw fenced(
      `expected to hold range ${range} of ${where} with fence ${fence}, got a checkpoint of fence ${current.fence}; another worker took over`,
    )
  }
  if (current?.position !== from) {
    throw fenced(
      `expected range ${range} of ${where} at ${from ?? 'no position'}, got ${current?.position ?? 'no position'}; reload the checkpoint`,
    )
  }
  if (current !== undefined && !continues(current.history, history)) {
    throw fenced(
      `expected range ${range} of ${where} in history ${history} or an earlier one, got ${current.history}; reload the checkpoint`,
    )
  }
}

/** Same system, and an epoch that is not later than ours. */
function continues(stored: LogIdentityText, own: LogIdentityText): boolean {
  const [storedSystem, storedEpoch] = stored.split('/')
  const [system, epoch] = own.split('/')
  return storedSystem === system && Number(storedEpoch) <= Number(epoch)
}

function fenced(message: string): TailraceError {
  return new TailraceError('PROJECTION_FENCED', message)
}
