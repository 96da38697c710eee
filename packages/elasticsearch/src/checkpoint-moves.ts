import {
  TailraceError,
  type Checkpoint,
  type CheckpointMove,
  type LogIdentityText,
} from 'tailrace/adapter'

/** A checkpoint as it is written; what of it is visible is known elsewhere. */
export type Written = Omit<Checkpoint, 'visible'>

/**
 * The checkpoints after some moves. Throws `PROJECTION_FENCED` when a move is not from where its range stands, or not by its
 * owner, or of another history.
 */
export function movedCheckpoints(
  current: ReadonlyMap<number, Written>,
  moves: readonly CheckpointMove[],
  history: LogIdentityText,
  where: string,
): ReadonlyMap<number, Written> {
  const updatedAtMs = Date.now()
  const moved = new Map(current)
  for (const move of moves) {
    checkMove(current.get(move.range), move, history, where)
    moved.set(move.range, { position: move.to, fence: move.fence, history, updatedAtMs })
  }
  return moved
}

function checkMove(
  current: Written | undefined,
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
