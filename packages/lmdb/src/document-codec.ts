import { createHash } from 'node:crypto'
import { TailraceError } from 'tailrace/adapter'

/**
 * Documents at rest: `position (8 bytes, big-endian) · 1 when the key was shortened (1 byte) · [key length (4) · key] · JSON`. JSON bytes and not
 * msgpack: reading costs the same once the answer leaves as JSON, and any tool can read the file.
 */
const headerBytes = 9

/** LMDB's keys end at 1,978 bytes. Longer ones are stored as a prefix and a hash, with the whole key in the value. */
const keyBytesMax = 1_900
const prefixBytes = 1_800

/** UTF-8 never holds this byte: it stands for the empty key, which LMDB cannot have. */
const emptyKey = Buffer.from([0xff])

/** The bytes that a key is stored under; undefined for a key with half a surrogate pair, which UTF-8 cannot tell from others. */
export function encodeKey(key: string): Buffer | undefined {
  if (key === '') return emptyKey
  if (!key.isWellFormed()) return undefined
  const whole = Buffer.from(key)
  if (whole.length <= keyBytesMax) return whole
  return Buffer.concat([
    whole.subarray(0, prefixBytes),
    Buffer.from('\u0000#'),
    createHash('sha256').update(whole).digest(),
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
  if (stored === undefined) throw unstorable(key, 'half a surrogate pair in the key')
  return {
    key: stored,
    value: document === null ? undefined : encodeValue(key, toJson(key, document), position),
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

function encodeValue(key: string, json: Buffer, position: bigint): Buffer {
  const longKey = Buffer.byteLength(key) > keyBytesMax ? Buffer.from(key) : undefined
  const header = Buffer.allocUnsafe(headerBytes)
  header.writeBigUInt64BE(position, 0)
  header.writeUInt8(longKey === undefined ? 0 : 1, 8)
  return Buffer.concat(
    longKey === undefined ? [header, json] : [header, lengthOf(longKey), longKey, json],
  )
}

/** The end is said because LMDB's reused read buffers are longer than the value in them. */
export function decodeDocument(value: Buffer): unknown {
  return JSON.parse(value.toString('utf8', jsonStart(value), value.length))
}

export function decodePosition(value: Buffer): bigint {
  return value.readBigUInt64BE(0)
}

/** The key of an entry: from the value when it was shortened. */
export function decodeKey(stored: Buffer, value: Buffer): string {
  if (value.readUInt8(8) === 0) return stored.equals(emptyKey) ? '' : stored.toString()
  return value.toString('utf8', headerBytes + 4, jsonStart(value))
}

function jsonStart(value: Buffer): number {
  return value.readUInt8(8) === 0 ? headerBytes : headerBytes + 4 + value.readUInt32BE(headerBytes)
}

function lengthOf(key: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(key.length, 0)
  return length
}
