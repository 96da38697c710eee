import { TailraceError, type ApplyBatch, type ParkEntry } from 'tailrace/adapter'
import { applyScript } from './apply-scripts.ts'
import { fenced } from './checkpoints.ts'
import { keyOfText, keyText } from './key-text.ts'
import { positionText } from './position-text.ts'
import {
  entryOf,
  historyArguments,
  moveArguments,
  runScript,
  type Entry,
  type VersionAccess,
} from './version-access.ts'

/** What one script may write: the server does nothing else while it runs. */
const partDocuments = 1_000
const partLength = 2 * 1024 * 1024

/** A deletion is forgotten this many events below the lowest checkpoint: no worker reads again from so far behind its own. */
const rememberedEvents = 10_000

/**
 * Applies a batch in one script, or in several when it is large: then each part checks what the whole depends on, and the
 * last one parks keys and moves the checkpoints. A part that was written stays: it is data before its checkpoint.
 */
export async function applyBatch(access: VersionAccess, batch: ApplyBatch): Promise<void> {
  const entries = batch.changes
    .map((change) => entryOf(access, change))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const parts = [...partsOf(entries)]
  const common = [
    String(rememberedEvents),
    ...historyArguments(access.history),
    ...moveArguments(batch.moves),
    ...parkArguments(batch.park),
  ]
  for (const [i, part] of parts.entries()) {
    const answer = await runScript(
      access,
      applyScript,
      part.map(({ key }) => key),
      [i === parts.length - 1 ? 'final' : 'data', ...common, ...part.map(({ value }) => value)],
    )
    if (answer[0] === 'fenced') throw fenced(access, batch.moves, answer)
    if (answer[0] === 'free')
      throw parkedKeyChanged(keyOfText(answer[1]!), 'a parked key', 'a free one')
  }
}

/** At least one part, which may be empty. */
export function* partsOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let from = 0
  let length = 0
  for (const [i, { value }] of entries.entries()) {
    if (i > from && (i - from === partDocuments || length + value.length > partLength)) {
      yield entries.slice(from, i)
      from = i
      length = 0
    }
    length += value.length
  }
  yield entries.slice(from)
}

function parkArguments(park: readonly ParkEntry[]): string[] {
  const each = park.flatMap(({ key, positions, failure }) => [
    keyText(key),
    failure === undefined ? '' : JSON.stringify(failure),
    String(positions.length),
    ...positions.map(positionText),
  ])
  return [String(park.length), ...each]
}

export function parkedKeyChanged(key: string, expected: string, found: string): TailraceError {
  return new TailraceError(
    'PARKED_KEY_CHANGED',
    `expected ${expected} under key "${key}", got ${found}; look again and repeat`,
    { retryable: true },
  )
}
