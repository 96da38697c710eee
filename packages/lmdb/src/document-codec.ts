import { createHash } from 'node:crypto'
import { TailraceError } from 'tailrace/adapter'
import { damaged } from './damaged.ts'

/**
 * Documents at rest: `position (8 bytes, big-endian) · JSON`. JSON bytes and not msgpack: reading costs the same once the
 * answer leaves as JSON, and any tool can read the file.
 */
const headerBytes = 8

/** LMDB's keys end at 1,978 bytes; the state table adds some of its own. */
const keyBytesMax = 1_900

/** UTF-8 never holds this byte: it stands for the empty key, which LMDB cannot have. */
const emptyKey = Buffer.from([0xff])

/** The bytes that a key is stored under; undefined for one that is too long, or has half a surrogate pair, which UTF-8 cannot tell from others. */
export function encodeKey(key: string): Buffer | undefined {
  if (key === '') return emptyKey
  if (!key.isWellFormed()) return undefined
  const bytes = Buffer.from(key)
  return bytes.length > keyBytesMax ? undefined : bytes
}

export function decodeKey(stored: Buffer): string {
  return stored.equals(emptyKey) ? '' : stored.toString()
}

/** Stands for a key that cannot be stored, where it must be named: parked, never read as a document. */
export function replacementKey(key: string): Buffer {
  return Buffer.concat([
    Buffer.from([0xff]),
    createHash('sha256').update(Buffer.from(key, 'utf16le')).digest(),
  ])
}

/** A document as an entry; undefined `value` deletes. */
export interface Entry {
  readonly key: Buffer
  readonly value: Buffer | undefined
}

/** Throws `DOCUMENT_UNSTORABLE`. */
export function encodeEntry(key: string, document: unknown, position: bigint): Entry {
  const stored = encodeKey(key)
  if (stored === undefined) throw unstorable(key, 'a key that is too long or no valid Unicode')
  return {
    key: stored,
    value: document === null ? undefined : encodeValue(toJson(key, document), position),
  }
}

function toJson(key: string, document: unknown): Buffer {
  let text: string | undefined
  try {
    text = JSON.stringify(document)
  } catch (error) {
    throw unstorable(key, error instanceof Error ? error.message : String(error), error)
  }
  if (text === undefined) throw unstorable(key, typeof document)
  return Buffer.from(text)
}

function unstorable(key: string, what: string, cause?: unknown): TailraceError {
  return new TailraceError(
    'DOCUMENT_UNSTORABLE',
    `expected a document that is JSON under key ${JSON.stringify(key)}, got ${what}`,
    {
      cause,
      details: { key },
    },
  )
}

function encodeValue(json: Buffer, position: bigint): Buffer {
  const value = Buffer.allocUnsafe(headerBytes + json.length)
  value.writeBigUInt64BE(position, 0)
  json.copy(value, headerBytes)
  return value
}

/** The end is said because LMDB's reused read buffers are longer than the value in them. */
export function decodeDocument(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8', headerBytes, value.length))
  } catch (error) {
    throw damaged('a document', error instanceof Error ? error.message : String(error))
  }
}

export function decodePosition(value: Buffer): bigint {
  if (value.length < headerBytes) throw damaged('a document', `${value.length} bytes`)
  return value.readBigUInt64BE(0)
}
