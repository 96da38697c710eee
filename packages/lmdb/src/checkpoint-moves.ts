import { type CheckpointMove, type LogIdentityText, checkMove } from 'tailrace/adapter'
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
    checkMove(current.get(move.range), move, history, where)
    const { range, to, fence } = move
    moved.set(range, { position: to, visible: to, fence, history, updatedAtMs })
  }
  return moved
}
