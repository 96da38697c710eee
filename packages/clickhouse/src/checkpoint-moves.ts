import {
  TailraceError,
  type Checkpoint,
  type CheckpointMove,
  type LogIdentityText,
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

function checkMove(
  current: Checkpoint | undefined,
  move: CheckpointMove,
  history: LogIdentityText,
  where: string,
): void {
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
