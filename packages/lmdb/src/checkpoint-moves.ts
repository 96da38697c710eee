import { TailraceError, type CheckpointMove, type LogIdentityText } from 'tailrace/adapter'
import type { Checkpoints } from './checkpoint-record.ts'

/** The checkpoints after some moves. Throws `PROJECTION_FENCED` when a move is not from where its range stands, or not by its owner. */
export function movedCheckpoints(
  current: Checkpoints,
  moves: readonly CheckpointMove[],
  history: LogIdentityText,
  where: string,
): Checkpoints {
  const updatedAtMs = Date.now()
  const moved = new Map(current)
  for (const move of moves) {
    checkMove(current, move, history, where)
    const { range, to, fence } = move
    moved.set(range, { position: to, visible: to, fence, history, updatedAtMs })
  }
  return moved
}

function checkMove(
  checkpoints: Checkpoints,
  move: CheckpointMove,
  history: LogIdentityText,
  where: string,
): void {
  const current = checkpoints.get(move.range)
  if (current !== undefined && current.fence > move.fence) {
    throw fenced(
      `expected to hold range ${move.range} of ${where} with fence ${move.fence}, got a checkpoint of fence ${current.fence}; another worker took over`,
    )
  }
  if (current?.position !== move.from) {
    throw fenced(
      `expected range ${move.range} of ${where} at ${move.from ?? 'no position'}, got ${current?.position ?? 'no position'}; reload the checkpoint`,
    )
  }
  if (current !== undefined && !continues(current.history, history)) {
    throw fenced(
      `expected range ${move.range} of ${where} in history ${history} or an earlier one, got ${current.history}; reload the checkpoint`,
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
