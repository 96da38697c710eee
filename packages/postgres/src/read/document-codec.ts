import { TailraceError } from 'tailrace/adapter'
import type { ColumnKind, DocumentColumn } from './document-columns.ts'
import { instantOf } from './instant-text.ts'

/** What a document's columns cannot say exactly, as JSON; null when they say all. */
interface Extra {
  /** The document is no object, or the version has no columns. */
  readonly whole?: unknown
  /** Properties whose value no column gives back exactly. */
  readonly set?: Readonly<Record<string, unknown>>
  /** Properties that are absent where their NULL would read as null. */
  readonly unset?: readonly string[]
}

/** Documents as column values and back, such that decoding gives exactly what was encoded. */
export interface DocumentCodec {
  /** Appends one document: a value to each of `columns`, and to `extra`. Throws `DOCUMENT_UNSTORABLE`. */
  encode(
    key: string,
    document: unknown,
    columns: (string | null)[][],
    extra: (string | null)[],
  ): void
  /** A row of texts: the columns in their order, then the extra. */
  decode(row: readonly (string | null)[], at: number): unknown
}

/** Not representable in the column: the value is kept in the extra. */
const inexact = Symbol('inexact')

type Encoder = (value: unknown) => string | typeof inexact | Nearest
type Decoder = (text: string) => unknown

/** A column value to search and sort by, beside the exact value in the extra. */
interface Nearest {
  readonly nearest: string
}

/** Makes the codec of a version's columns. */
export function documentCodec(columns: readonly DocumentColumn[]): DocumentCodec {
  const encoders = columns.map((column) => encoderOf[column.kind])
  const decoders = columns.map((column) => decoderOf[column.kind])
  const index = new Map(columns.map((column, i) => [column.property, i]))
  return {
    encode(key, document, into, extra) {
      if (
        columns.length === 0 ||
        typeof document !== 'object' ||
        document === null ||
        Array.isArray(document)
      ) {
        for (const values of into) values.push(null)
        extra.push(jsonText(key, { whole: document }))
        return
      }
      extra.push(
        encodeObject(key, document as Record<string, unknown>, columns, encoders, index, into),
      )
    },
    decode(row, at) {
      const text = row[at + columns.length]
      const extra = text == null ? undefined : (JSON.parse(text) as Extra)
      if (extra !== undefined && 'whole' in extra) return extra.whole
      const document: Record<string, unknown> = {}
      for (let i = 0; i < columns.length; i++) {
        const value = row[at + i]
        if (value != null) document[columns[i]!.property] = decoders[i]!(value)
        else if (!columns[i]!.optional) document[columns[i]!.property] = null
      }
      if (extra !== undefined) applyExtra(document, extra)
      return document
    },
  }
}

function encodeObject(
  key: string,
  document: Record<string, unknown>,
  columns: readonly DocumentColumn[],
  encoders: readonly Encoder[],
  index: ReadonlyMap<string, number>,
  into: (string | null)[][],
): string | null {
  let set: Record<string, unknown> | undefined
  let unset: string[] | undefined
  let seen = 0
  for (let i = 0; i < columns.length; i++) {
    const { property, optional } = columns[i]!
    const value = Object.hasOwn(document, property) ? document[property] : undefined
    if (Object.hasOwn(document, property)) seen++
    let column: string | null = null
    if (value === undefined) {
      if (!optional) (unset ??= []).push(property)
    } else if (value === null) {
      if (optional) (set ??= {})[property] = null
    } else {
      const encoded = encode(key, encoders[i]!, value)
      if (typeof encoded === 'string') column = encoded
      else {
        ;(set ??= {})[property] = value
        if (encoded !== inexact) column = encoded.nearest
      }
    }
    into[i]!.push(column)
  }
  if (seen < Object.keys(document).length) {
    for (const [property, value] of Object.entries(document)) {
      if (index.has(property) || value === undefined) continue
      Object.defineProperty((set ??= {}), property, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
  }
  if (set === undefined && unset === undefined) return null
  return jsonText(key, {
    ...(set === undefined ? {} : { set }),
    ...(unset === undefined ? {} : { unset }),
  })
}

function encode(key: string, encoder: Encoder, value: unknown): ReturnType<Encoder> {
  try {
    return encoder(value)
  } catch (error) {
    throw unstorable(key, error)
  }
}

function jsonText(key: string, value: Extra): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw unstorable(key, error)
  }
}

function unstorable(key: string, error: unknown): TailraceError {
  const reason = error instanceof Error ? error.message : String(error)
  return new TailraceError(
    'DOCUMENT_UNSTORABLE',
    `expected the document of key ${JSON.stringify(key)} to be JSON, got one that is not: ${reason}`,
    {
      cause: error,
      details: { key },
    },
  )
}

function applyExtra(document: Record<string, unknown>, extra: Extra): void {
  // `__proto__` must become a property, not a prototype.
  for (const [property, value] of Object.entries(extra.set ?? {})) {
    Object.defineProperty(document, property, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  for (const property of extra.unset ?? []) delete document[property]
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether PostgreSQL can hold a string as text: no NUL, no lone surrogate. */
export function isText(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed()
}

/** An instant as the column's input; undefined where it has none between the years 1 and 9999. */
export function instantText(value: string): string | undefined {
  const ms = Date.parse(value)
  if (!(ms >= -62_135_596_800_000 && ms <= 253_402_300_799_999)) return undefined
  return new Date(ms).toISOString()
}

/** Uuids are the same however their letters are typed. */
function encodeUuid(value: unknown): ReturnType<Encoder> {
  if (typeof value !== 'string') return inexact
  if (uuidPattern.test(value)) return value
  const lower = value.toLowerCase()
  return uuidPattern.test(lower) ? { nearest: lower } : inexact
}

function encodeInstant(value: unknown): ReturnType<Encoder> {
  if (typeof value !== 'string') return inexact
  if (isCanonicalInstant(value)) return value
  const text = instantText(value)
  return text === undefined ? inexact : { nearest: text }
}

const canonicalInstant =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** Whether a time is exactly what the column gives back. Without making a Date, which is many times slower. */
function isCanonicalInstant(value: string): boolean {
  if (!canonicalInstant.test(value) || value.startsWith('0000')) return false
  const day = Number(value.slice(8, 10))
  return day <= 28 || day <= daysOf(Number(value.slice(0, 4)), Number(value.slice(5, 7)))
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function encodeList(value: unknown): ReturnType<Encoder> {
  if (!Array.isArray(value)) return inexact
  const plain = value.every(
    (item) =>
      item === null ||
      typeof item === 'boolean' ||
      Number.isFinite(item) ||
      (typeof item === 'string' && isText(item)),
  )
  return plain ? JSON.stringify(value) : inexact
}

function finite(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError(`${value} is no JSON number`)
}

const encoderOf: Readonly<Record<ColumnKind, Encoder>> = {
  text: (value) => (typeof value === 'string' && isText(value) ? value : inexact),
  uuid: encodeUuid,
  timestamptz: encodeInstant,
  bigint: (value) => {
    finite(value)
    return Number.isSafeInteger(value) ? String(value) : inexact
  },
  double: (value) => {
    finite(value)
    return typeof value === 'number' ? String(value) : inexact
  },
  boolean: (value) => (typeof value === 'boolean' ? String(value) : inexact),
  jsonb: encodeList,
  json: (value) => {
    finite(value)
    return JSON.stringify(value) ?? inexact
  },
}

/** `2026-01-01 12:04:03.5+00` → `2026-01-01T12:04:03.500Z`, whatever the session's time zone is. */
function decodeInstant(text: string): string {
  if (!text.endsWith('+00')) return new Date(instantOf(text) ?? Number.NaN).toISOString()
  const fraction = text.length > 23 ? text.slice(20, -3) : ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(3, '0')}Z`
}

const decoderOf: Readonly<Record<ColumnKind, Decoder>> = {
  text: (text) => text,
  uuid: (text) => text,
  timestamptz: decodeInstant,
  bigint: Number,
  double: Number,
  boolean: (text) => text === 't' || text === 'true',
  jsonb: (text) => JSON.parse(text) as unknown,
  json: (text) => JSON.parse(text) as unknown,
}
