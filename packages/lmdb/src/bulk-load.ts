import { randomBytes } from 'node:crypto'
import {
  TailraceError,
  type CheckpointMove,
  type DocumentChange,
  type LogIdentityText,
} from 'tailrace/adapter'
import { movedCheckpoints } from './checkpoint-moves.ts'
import { writeCheckpoints } from './checkpoint-record.ts'
import { encodeEntry } from './document-codec.ts'
import type { Environment } from './environment.ts'
import { writeEntry, type VersionTables } from './version-tables.ts'

const transactionSize = 2_000

/** The load under way: its fence in 8 bytes, big-endian, and the 16 bytes that tell it from others under the same fence. */
const loadKey = Buffer.from('l')

/** Fills an empty version. Not one transaction, which would not fit for millions; the checkpoints come last, so that a crash leaves "not started". */
export async function bulkLoad(
  environment: Environment,
  { documents, state, checkpoints }: VersionTables,
  pages: AsyncIterable<readonly DocumentChange[]>,
  moves: readonly CheckpointMove[],
  history: LogIdentityText,
  where: string,
): Promise<void> {
  const fence = moves[0]?.fence ?? 0n
  const own = Buffer.concat([fenceBytes(fence), randomBytes(16)])
  const isOurs = (): void => {
    if (state.get(loadKey)?.equals(own) !== true)
      throw overtaken(where, 'another one that began later')
  }
  // What an interrupted load left behind has no checkpoint and is not part of any state. Both are looked at within the
  // transaction: another load may end just before it, and is followed from where it ended.
  await environment.write(() => {
    if (checkpoints.read().checkpoints.size > 0)
      throw overtaken(where, 'checkpoints of one that has ended')
    const found = state.get(loadKey)?.readBigUInt64BE() ?? 0n
    if (found > fence) throw overtaken(where, `one under fence ${found}, which is above ${fence}`)
    void state.put(loadKey, own)
    documents.clearSync()
  })
  for await (const page of pages) {
    for (let from = 0; from < page.length; from += transactionSize) {
      const entries = page
        .slice(from, from + transactionSize)
        .map(({ key, document, position }) => encodeEntry(key, document, position))
      await environment.write(() => {
        isOurs()
        entries.forEach((entry) => writeEntry(documents, entry))
      })
    }
  }
  await environment.write(() => {
    isOurs()
    writeCheckpoints(state, movedCheckpoints(checkpoints.read().checkpoints, moves, history, where))
    void state.remove(loadKey)
  })
}

function fenceBytes(fence: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(fence)
  return bytes
}

function overtaken(where: string, got: string): TailraceError {
  return new TailraceError(
    'PROJECTION_FENCED',
    `expected to be the only bulk load of ${where}, got ${got}; this one stops`,
    { retryable: true },
  )
}
