import { TailraceError, type StoredDocument } from 'tailrace/adapter'
import type { Lookups } from './lookup.ts'
import { positionOf, positionText } from './position-text.ts'

const positionLength = 20
/** The most bytes of index entries that a document may have: five digits. */
const entriesMax = 99_999
/** A string of Redis ends at 512 MiB; a script copies it, and nothing else is served meanwhile. */
const documentMax = 64 * 1024 * 1024

/** Documents as values of the store: `lua-parts.ts` has the format. */
export interface DocumentCodec {
  /** Bytes of a value before its index entries. */
  readonly head: 20 | 30
  /** null deletes. Throws `DOCUMENT_UNSTORABLE`. */
  encode(key: string, document: unknown, position: bigint): string
  /** With deletions, as `document: null`. */
  decode(value: string): StoredDocument
  /** undefined: there is none, or it was deleted. */
  document(value: string | null): unknown
}

export function documentCodec(lookups: Lookups): DocumentCodec {
  const plain = lookups.all.length === 0
  const jsonAt = (value: string): number =>
    plain ? positionLength : positionLength + 10 + Number(value.slice(25, 30))
  return {
    head: plain ? 20 : 30,
    encode(key, document, position) {
      if (document === null) return positionText(position)
      const json = toJson(key, document)
      if (plain) return positionText(position) + json
      const entries = lookups.entriesOf(document)
      const size = Buffer.byteLength(entries)
      if (size > entriesMax) throw unstorable(key, `${size} bytes of lookup entries`)
      const lengths = String(size).padStart(5, '0') + String(entries.length).padStart(5, '0')
      return positionText(position) + lengths + entries + json
    },
    decode(value) {
      const document =
        value.length === positionLength ? null : (JSON.parse(value.slice(jsonAt(value))) as unknown)
      return { document, position: positionOf(value) }
    },
    document(value) {
      if (value === null || value.length === positionLength) return undefined
      return JSON.parse(value.slice(jsonAt(value))) as unknown
    },
  }
}

function toJson(key: string, document: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(document)
  } catch (error) {
    throw unstorable(key, error instanceof Error ? error.message : String(error), error)
  }
  if (text === undefined) throw unstorable(key, typeof document)
  if (text.length > documentMax) throw unstorable(key, `${text.length} characters of JSON`)
  return text
}

function unstorable(key: string, what: string, cause?: unknown): TailraceError {
  return new TailraceError(
    'DOCUMENT_UNSTORABLE',
    `expected a document that Redis can hold as JSON under key ${JSON.stringify(key)}, got ${what}`,
    { cause, details: { key } },
  )
}
