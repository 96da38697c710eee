import {
  type Checkpoint,
  type CheckpointMove,
  type LogIdentityText,
  checkMove,
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
