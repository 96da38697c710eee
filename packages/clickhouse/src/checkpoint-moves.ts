import {
  type Checkpoint,
  type CheckpointMove,
  type LogIdentityText,
  checkMove,
} from 'tailrace/adapter'
import { nothing, type StateRow, type StoredRow } from './state-log.ts'

export const checkpointRows = `kind = 'checkpoint'`

/** Checkpoints by range, of the rows of a view. */
export function checkpointsOf(rows: readonly StoredRow[]): Map<number, Checkpoint> {
  return new Map(
    rows
      .filter(({ kind }) => kind === 'checkpoint')
      .map(({ key, position, fence, history, atMs }) => [
        Number(key),
        { position, fence, history, updatedAtMs: atMs, visible: position },
      ]),
  )
}

/** The rows of some moves. Throws `PROJECTION_FENCED` when one is not from where its range stands, or not by its owner. */
export function moveRows(
  current: ReadonlyMap<number, Checkpoint>,
  moves: readonly CheckpointMove[],
  history: LogIdentityText,
  where: string,
): StateRow[] {
  return moves.map((move) => {
    checkMove(current.get(move.range), move, history, where)
    const { range, fence, to } = move
    return { ...nothing, kind: 'checkpoint', key: String(range), position: to, fence, history }
  })
}
