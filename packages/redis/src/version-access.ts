import {
  TailraceError,
  type CheckpointMove,
  type DocumentChange,
  type LogIdentityText,
} from 'tailrace/adapter'
import type { RedisConnection } from './connection.ts'
import type { DocumentCodec } from './document-codec.ts'
import type { VersionNames } from './key-names.ts'
import { keyText } from './key-text.ts'
import { positionText } from './position-text.ts'
import type { Script } from './script.ts'

/** One projection version as the parts of the store work with it. */
export interface VersionAccess {
  /** For messages. */
  readonly where: string
  readonly connection: RedisConnection
  readonly catalog: string
  readonly names: VersionNames
  readonly version: number
  readonly incarnation: string
  readonly codec: DocumentCodec
  readonly history: LogIdentityText
}

/** A document as a key and a value of the store. */
export interface Entry {
  readonly key: string
  readonly value: string
}

/** Throws `DOCUMENT_UNSTORABLE`. */
export function entryOf(access: VersionAccess, change: DocumentChange): Entry {
  return {
    key: access.names.document(keyText(change.key)),
    value: access.codec.encode(change.key, change.document, change.position),
  }
}

/** Runs a script of `lua-parts.ts` with its common keys and arguments before its own. */
export async function runScript(
  access: VersionAccess,
  script: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<readonly string[]> {
  const { names } = access
  const answer = (await access.connection.script(
    script,
    [access.catalog, names.checkpoints, names.keys, names.deletions, names.parked, ...keys],
    [`v${access.version}`, access.incarnation, String(access.codec.head), ...args],
  )) as readonly string[]
  if (answer[0] === 'gone') {
    throw new TailraceError(
      'PROJECTION_FENCED',
      `expected ${access.where} as it was opened, got one that was dropped since; open it again`,
      { retryable: true },
    )
  }
  return answer
}

const epochDigits = 10

/** System id and epoch as the scripts compare them. */
export function historyArguments(history: LogIdentityText): [string, string] {
  const slash = history.lastIndexOf('/')
  return [history.slice(0, slash), history.slice(slash + 1).padStart(epochDigits, '0')]
}

/** Moves as the scripts read them. */
export function moveArguments(moves: readonly CheckpointMove[]): string[] {
  const each = moves.flatMap(({ range, from, to, fence, slots }) => [
    String(range),
    from === undefined ? '' : positionText(from),
    positionText(to),
    positionText(fence),
    String(slots.to - slots.from + 1).padStart(3, '0'),
  ])
  return [String(moves.length), ...each]
}
