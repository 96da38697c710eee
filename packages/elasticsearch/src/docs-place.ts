import type { DocumentChange } from 'tailrace/adapter'
import { encodeDocument, encodeTombstone, type StoredSource } from './document-codec.ts'
import type { DocumentField } from './document-fields.ts'
import { idOfKey } from './key-id.ts'
import type { LoadTurn } from './load-turn.ts'

/** A condition of the engine's query language, made here and never by a caller. */
export type Query = Readonly<Record<string, unknown>>

/** A change that is ready to be written. */
export interface EncodedChange {
  readonly key: string
  readonly id: string
  readonly position: bigint
  readonly document: unknown
  /** JSON on one line. */
  readonly source: string
}

/** Where the documents of a version are: one index, or one per week or day. */
export interface DocsPlace {
  /** What searches and refreshes name. */
  readonly target: string
  /** As `target`, with what only holds deletions. */
  readonly everything: string
  /** Conditions that every search has, beside those of its caller. */
  conditions(): readonly Query[]
  /** Whether a document that is there is not to be shown. */
  hides(source: StoredSource): boolean
  /** Sources by `_id`, as they are now: written is enough. Deletions too. */
  load(ids: readonly string[]): Promise<ReadonlyMap<string, StoredSource>>
  /**
   * Writes each change unless one of the same or a later position is there. For a bulk load: only to what that load has
   * made itself.
   */
  write(changes: readonly EncodedChange[], load?: LoadTurn): Promise<void>
  /** Makes what is written searchable, in all copies. Throws `UNAVAILABLE`. */
  refresh(): Promise<void>
  /**
   * Removes everything that is not of a later load, and prepares for a load without searches and copies. Throws
   * `PROJECTION_FENCED`.
   */
  beginLoad(load: LoadTurn): Promise<void>
  /** Undoes what `beginLoad` prepared. */
  endLoad(load: LoadTurn): Promise<void>
}

/** Throws `DOCUMENT_UNSTORABLE`. */
export function encodedChange(
  fields: readonly DocumentField[],
  { key, document, position }: DocumentChange,
): EncodedChange {
  const source =
    document === null
      ? encodeTombstone(key, position, Date.now())
      : encodeDocument(fields, key, document, position)
  return { key, id: idOfKey(key), position, document, source }
}

export const notDeleted: Query = { bool: { must_not: [{ term: { 'tr.deleted': true } }] } }
