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

/** Fills an empty version. Not one transaction, which would not fit for millions; the checkpoints come last, so that a crash leaves "not started". */
export async function bulkLoad(
  environment: Environment,
  { documents, state, checkpoints }: VersionTables,
  pages: AsyncIterable<readonly DocumentChange[]>,
  moves: readonly CheckpointMove[],
  history: LogIdentityText,
  where: string,
): Promise<void> {
  if (checkpoints.read().size > 0) {
    throw new TailraceError(
      'CONFIG',
      `expected ${where} to be empty before a bulk load, got checkpoints; drop the version first`,
    )
  }
  // What an interrupted load left behind has no checkpoint and is not part of any state.
  await environment.write(() => documents.clearSync())
  for await (const page of pages) {
    for (let from = 0; from < page.length; from += transactionSize) {
      const entries = page
        .slice(from, from + transactionSize)
        .map(({ key, document, position }) => encodeEntry(key, document, position))
      await environment.write(() => entries.forEach((entry) => writeEntry(documents, entry)))
    }
  }
  await environment.write(() =>
    writeCheckpoints(state, movedCheckpoints(checkpoints.read(), moves, history, where)),
  )
}
