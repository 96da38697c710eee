import { TailraceError, type Checkpoint, type CheckpointMove } from 'tailrace/adapter'
import { positionOf } from './position-text.ts'
import type { VersionAccess } from './version-access.ts'

/** Checkpoints by range: the fields `r<range>` of a hash, written by the scripts of `lua-parts.ts`. */
export async function readCheckpoints({
  connection,
  names,
}: VersionAccess): Promise<ReadonlyMap<number, Checkpoint>> {
  const flat = (await connection.run(['HGETALL', names.checkpoints])) as string[]
  const found: [number, Checkpoint][] = []
  for (let i = 0; i < flat.length; i += 2)
    if (flat[i]!.startsWith('r')) found.push([Number(flat[i]!.slice(1)), decode(flat[i + 1]!)])
  return new Map(found.toSorted(([a], [b]) => a - b))
}

function decode(record: string): Checkpoint {
  const position = positionOf(record)
  return {
    position,
    fence: positionOf(record.slice(20)),
    history: `${record.slice(66)}/${Number(record.slice(40, 50))}`,
    updatedAtMs: Number(record.slice(50, 63)),
    visible: position,
  }
}

/** Why a script did not make a move, in words. */
export function fenced(
  { where, history }: VersionAccess,
  moves: readonly CheckpointMove[],
  [, range, why, found]: readonly string[],
): TailraceError {
  const move = moves.find((one) => one.range === Number(range))!
  const stored = why === 'history' ? found : found === '' ? 'no position' : positionOf(found!)
  const expected: Readonly<Record<string, string>> = {
    fence: `with fence ${move.fence}, got a checkpoint of fence ${stored}; another worker took over`,
    position: `at ${move.from ?? 'no position'}, got ${stored}; reload the checkpoint`,
    history: `in history ${history} or an earlier one, got ${stored}; reload the checkpoint`,
  }
  return new TailraceError(
    'PROJECTION_FENCED',
    `expected to hold range ${range} of ${where} ${expected[why!]}`,
    { retryable: true },
  )
}
