import { columnCodec, type ColumnCodec } from './column-codec.ts'
import { sqlType, type ColumnType } from './column-type.ts'
import type { DocumentColumn } from './document-columns.ts'
import type { RowBuffer } from './row-buffer.ts'

/** What the columns cannot say exactly, as JSON in `_extra`; empty text when they say all. */
interface Extra {
  /** The document is no object, or the version has no columns. */
  readonly whole?: unknown
  /** Properties whose value no column gives back exactly. */
  readonly set?: Readonly<Record<string, unknown>>
  /** Properties that are absent where their column would read as null or as a default. */
  readonly unset?: readonly string[]
}

/** Documents as column values and back, such that decoding gives exactly what was encoded. */
export interface DocumentCodec {
  /**
   * Writes the columns and `_extra`. Throws for what is no JSON, and for a row that its columns cannot hold; the buffer is
   * then of no use.
   */
  encode(document: unknown, into: RowBuffer): void
  /** A row as the server sent it: the columns in their order from `at`, then the extra. */
  decode(row: readonly unknown[], at: number): unknown
}

/**
 * Rows are there to be added up, so a number or a time in them must be in its column: kept beside it alone, it would be
 * missing from sums, and what `keepFor` goes by would be the year 1970.
 */
const counted: ReadonlySet<ColumnType['kind']> = new Set([
  'integer',
  'double',
  'decimal',
  'instant',
  'date',
])

/** Makes the codec of a version's columns. Rows that a counted column cannot hold are refused. */
export function documentCodec(
  columns: readonly DocumentColumn[],
  shape: 'fold' | 'rows',
): DocumentCodec {
  const codecs = columns.map(columnCodec)
  const known = new Set(columns.map((column) => column.property))
  return {
    encode(document, into) {
      const isObject = typeof document === 'object' && document !== null && !Array.isArray(document)
      const extra =
        columns.length === 0 || !isObject
          ? encodeWhole(document, codecs, into)
          : encodeObject(document as Record<string, unknown>, columns, codecs, known, into, shape)
      into.text(extra === undefined ? '' : JSON.stringify(extra))
    },
    decode(row, at) {
      const text = row[at + columns.length] as string
      const extra = text === '' ? undefined : (JSON.parse(text) as Extra)
      if (extra !== undefined && 'whole' in extra) return extra.whole
      const document: Record<string, unknown> = {}
      for (let i = 0; i < columns.length; i++) {
        const { property, optional } = columns[i]!
        const value = row[at + i]
        if (value !== null) {
          // The default of a column for which another value is kept need not be one that can be read.
          if (extra === undefined || !isKept(extra, property))
            document[property] = codecs[i]!.read(value)
        } else if (!optional) document[property] = null
      }
      if (extra !== undefined) applyExtra(document, extra)
      return document
    },
  }
}

function encodeWhole(whole: unknown, codecs: readonly ColumnCodec[], into: RowBuffer): Extra {
  for (const codec of codecs) codec.writeMissing(into)
  return { whole }
}

function encodeObject(
  document: Record<string, unknown>,
  columns: readonly DocumentColumn[],
  codecs: readonly ColumnCodec[],
  known: ReadonlySet<string>,
  into: RowBuffer,
  shape: 'fold' | 'rows',
): Extra | undefined {
  let set: Record<string, unknown> | undefined
  let unset: string[] | undefined
  let seen = 0
  for (let i = 0; i < columns.length; i++) {
    const { property, optional, nullable } = columns[i]!
    const own = Object.hasOwn(document, property)
    const value = own ? jsonValue(document[property]) : undefined
    if (own) seen++
    if (value === undefined || value === null) {
      codecs[i]!.writeMissing(into)
      // What a NULL reads as needs no note.
      const reads = nullable ? (optional ? undefined : null) : columns
      if (value !== reads && value === undefined) (unset ??= []).push(property)
      else if (value !== reads) (set ??= {})[property] = null
      continue
    }
    const held = codecs[i]!.write(value, into)
    if (held === 'none' && shape === 'rows') assertUncounted(columns[i]!, value)
    if (held === 'none') codecs[i]!.writeMissing(into)
    if (held !== 'exact') (set ??= {})[property] = value
  }
  if (seen < Object.keys(document).length) {
    for (const [property, value] of Object.entries(document))
      if (!known.has(property) && value !== undefined) define((set ??= {}), property, value)
  }
  if (set === undefined && unset === undefined) return undefined
  return { ...(set === undefined ? {} : { set }), ...(unset === undefined ? {} : { unset }) }
}

function assertUncounted({ property, type }: DocumentColumn, value: unknown): void {
  if (!counted.has(type.kind)) return
  throw new TypeError(
    `"${property}" is ${JSON.stringify(value)?.slice(0, 60)}, which its column of ${sqlType(type, false)} cannot hold`,
  )
}

/** JSON leaves out what is no data. */
function jsonValue(value: unknown): unknown {
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value
}

function isKept(extra: Extra, property: string): boolean {
  return (
    (extra.set !== undefined && Object.hasOwn(extra.set, property)) ||
    extra.unset?.includes(property) === true
  )
}

function applyExtra(document: Record<string, unknown>, extra: Extra): void {
  for (const [property, value] of Object.entries(extra.set ?? {})) define(document, property, value)
  for (const property of extra.unset ?? []) delete document[property]
}

/** `__proto__` must become a property, not a prototype. */
function define(target: Record<string, unknown>, property: string, value: unknown): void {
  Object.defineProperty(target, property, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}
