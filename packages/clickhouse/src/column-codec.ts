import type { ColumnType, ItemKind } from './column-type.ts'
import type { DocumentColumn } from './document-columns.ts'
import { isText, instantMs, isCanonicalInstant, dayNumber } from './exact-text.ts'
import type { RowBuffer } from './row-buffer.ts'

/**
 * How a column took a value. `exact`: it gives the same value back. `near`: it was written to search and sort by, and the
 * value itself is kept beside it. `none`: the column cannot hold it, and nothing was written.
 */
export type Held = 'exact' | 'near' | 'none'

export interface ColumnCodec {
  write(value: unknown, into: RowBuffer): Held
  /** Writes that there is no value: NULL, or the type's default where the column holds none. */
  writeMissing(into: RowBuffer): void
  /** A value as the server sent it in JSON, not NULL. */
  read(value: unknown): unknown
}

/** Makes the codec of one column. */
export function columnCodec({ type, nullable }: DocumentColumn): ColumnCodec {
  const write = writerOf(type)
  const missing = missingOf(type)
  return {
    write: nullable ? nullableWriter(write) : write,
    writeMissing: nullable ? (into) => into.u8(1) : missing,
    read: readerOf(type),
  }
}

type Write = (value: unknown, into: RowBuffer, present?: true) => Held

/** The flag comes before the value, so each writer says first that it will write one. */
function nullableWriter(write: Write): ColumnCodec['write'] {
  return (value, into) => write(value, into, true)
}

function writerOf(type: ColumnType): Write {
  switch (type.kind) {
    case 'text':
    case 'enum':
      return writeText
    case 'uuid':
      return writeUuid
    case 'instant':
      return writeInstant
    case 'date':
      return writeDate
    case 'integer':
      return writeInteger
    case 'double':
      return writeDouble
    case 'boolean':
      return writeBoolean
    case 'decimal':
      return decimalWriter(type.precision, type.scale)
    case 'list':
      return listWriter(type.item)
    case 'json':
      return writeJson
  }
}

function present(into: RowBuffer, flag: true | undefined): void {
  if (flag === true) into.u8(0)
}

const writeText: Write = (value, into, flag) => {
  if (typeof value !== 'string') return refuse(value)
  const before = into.size
  present(into, flag)
  if (into.ascii(value)) return 'exact'
  into.undo(before)
  if (!isText(value)) return refuse(value)
  present(into, flag)
  into.text(value)
  return 'exact'
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const writeUuid: Write = (value, into, flag) => {
  if (typeof value !== 'string' || !uuidPattern.test(value)) return refuse(value)
  present(into, flag)
  into.uuid(value)
  return value === value.toLowerCase() ? 'exact' : 'near'
}

const writeInstant: Write = (value, into, flag) => {
  const ms = typeof value === 'string' ? instantMs(value) : undefined
  if (ms === undefined) return refuse(value)
  present(into, flag)
  into.i64(ms)
  return isCanonicalInstant(value as string) ? 'exact' : 'near'
}

const writeDate: Write = (value, into, flag) => {
  const day = typeof value === 'string' ? dayNumber(value) : undefined
  if (day === undefined) return refuse(value)
  present(into, flag)
  into.i32(day)
  return 'exact'
}

const writeInteger: Write = (value, into, flag) => {
  if (!Number.isSafeInteger(value)) return refuse(value)
  present(into, flag)
  into.i64(value as number)
  return 'exact'
}

const writeDouble: Write = (value, into, flag) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) return refuse(value)
  present(into, flag)
  into.f64(value)
  return 'exact'
}

const writeBoolean: Write = (value, into, flag) => {
  if (typeof value !== 'boolean') return refuse(value)
  present(into, flag)
  into.u8(value ? 1 : 0)
  return 'exact'
}

function decimalWriter(precision: number, scale: number): Write {
  const bytes = precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32
  const limit = 10n ** BigInt(precision)
  return (value, into, flag) => {
    const text = typeof value === 'number' ? String(value) : value
    const match = typeof text === 'string' ? /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) : null
    const fraction = match?.[3] ?? ''
    // Beyond the column's scale the value itself would be another.
    if (match === null || fraction.replace(/0+$/, '').length > scale) return refuse(value)
    const digits = BigInt(match[2]! + fraction.padEnd(scale, '0').slice(0, scale))
    if (digits >= limit) return refuse(value)
    present(into, flag)
    into.integer(match[1] === '-' ? -digits : digits, bytes)
    const canonical =
      typeof value === 'string' &&
      fraction.length === scale &&
      !/^0\d/.test(match[2]!) &&
      !(match[1] === '-' && digits === 0n)
    return canonical ? 'exact' : 'near'
  }
}

function listWriter(item: ItemKind): Write {
  const write = writerOf({ kind: item })
  return (value, into) => {
    if (!Array.isArray(value) || !value.every((one) => itemFits(item, one))) return refuse(value)
    into.count(value.length)
    for (const one of value) write(one, into)
    return 'exact'
  }
}

function itemFits(kind: ItemKind, value: unknown): boolean {
  if (kind === 'integer') return Number.isSafeInteger(value)
  if (kind === 'double') return Number.isFinite(value)
  if (kind === 'boolean') return typeof value === 'boolean'
  return typeof value === 'string' && isText(value)
}

const writeJson: Write = (value, into) => {
  if (typeof value === 'number') refuse(value)
  const text = JSON.stringify(value)
  if (text === undefined) return 'none'
  into.text(text)
  return 'exact'
}

/** The column cannot hold the value. Throws for what is no JSON at all. */
function refuse(value: unknown): 'none' {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError(`${value} is no JSON number`)
  if (typeof value === 'bigint') throw new TypeError('a bigint is no JSON value')
  return 'none'
}

function missingOf(type: ColumnType): (into: RowBuffer) => void {
  switch (type.kind) {
    case 'uuid':
      return (into) => into.integer(0n, 16)
    case 'instant':
    case 'integer':
      return (into) => into.i64(0)
    case 'date':
      return (into) => into.i32(0)
    case 'double':
      return (into) => into.f64(0)
    case 'boolean':
      return (into) => into.u8(0)
    case 'decimal':
      return (into) => void decimalWriter(type.precision, type.scale)('0', into)
    default:
      // Empty text, or a list of nothing.
      return (into) => into.u8(0)
  }
}

function readerOf(type: ColumnType): (value: unknown) => unknown {
  if (type.kind === 'integer') return Number
  if (type.kind === 'json') return (value) => JSON.parse(value as string) as unknown
  if (type.kind === 'list' && type.item === 'integer')
    return (value) => (value as unknown[]).map(Number)
  return (value) => value
}
