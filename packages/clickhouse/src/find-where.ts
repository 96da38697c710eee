import { TailraceError, type Condition, type Scalar } from 'tailrace/adapter'
import type { BoundValues } from './bound-values.ts'
import { valueType, type ColumnType } from './column-type.ts'
import type { DocumentColumn } from './document-columns.ts'
import type { DocumentTable } from './document-table.ts'
import { dayNumber, instantMs, instantParameter, isText } from './exact-text.ts'
import { quoted } from './table-ddl.ts'

/** Nesting of `any` that a filter may have. */
const depthMax = 8

/**
 * The conditions of a filter as SQL, all of which must hold; values are bound. `without` leaves one top-level field out.
 * Throws `READ_UNSUPPORTED` for fields and conditions that the documents do not have.
 */
export function conditions(
  table: DocumentTable,
  where: object,
  values: BoundValues,
  without?: string,
  depth = 0,
): string[] {
  if (depth > depthMax)
    throw unsupported(`expected filters nested up to ${depthMax} deep, got more`)
  const parts: string[] = []
  for (const [field, condition] of Object.entries(where) as [
    string,
    Condition | readonly object[] | undefined,
  ][]) {
    if (condition === undefined || field === without) continue
    if (
      field === 'any' &&
      Array.isArray(condition) &&
      condition.every((one) => typeof one === 'object' && one !== null)
    ) {
      const options = (condition as readonly object[]).map((one) =>
        allOf(conditions(table, one, values, undefined, depth + 1)),
      )
      parts.push(options.length === 0 ? 'false' : `(${options.join(' OR ')})`)
    } else {
      parts.push(fieldCondition(table.column(field), condition as Condition, values))
    }
  }
  return parts
}

function allOf(parts: readonly string[]): string {
  return parts.length === 0 ? 'true' : `(${parts.join(' AND ')})`
}

function unsupported(text: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', text)
}

function fieldCondition(column: DocumentColumn, condition: Condition, values: BoundValues): string {
  const { property, type } = column
  if (type.kind === 'json')
    throw unsupported(`expected a filter on a scalar or a list of scalars, got "${property}"`)
  if (typeof condition === 'object' && condition !== null && 'has' in condition)
    return hasCondition(column, condition.has, values)
  if (type.kind === 'list')
    throw unsupported(`expected { has: … } for the list "${property}", got another condition`)
  if (condition === null || typeof condition !== 'object')
    return equals(column, [condition], values)
  if (Array.isArray(condition)) return equals(column, condition as readonly Scalar[], values)
  return rangeCondition(column, condition as Readonly<Record<string, unknown>>, values)
}

function hasCondition(column: DocumentColumn, value: Scalar, values: BoundValues): string {
  const { property, name, type } = column
  if (type.kind !== 'list')
    throw unsupported(`expected { has: … } on a list of scalars, got it on "${property}"`)
  const bound = boundOf({ kind: type.item }, value)
  return bound === undefined
    ? 'false'
    : `has(${quoted(name)}, ${values.add(valueType(type), bound)})`
}

function equals(
  { name, type, nullable }: DocumentColumn,
  wanted: readonly Scalar[],
  values: BoundValues,
): string {
  const bound = wanted.flatMap((value) => (value === null ? [] : (boundOf(type, value) ?? [])))
  const column = quoted(name)
  const parts: string[] = []
  if (bound.length === 1) parts.push(`${column} = ${values.add(valueType(type), bound[0])}`)
  else if (bound.length > 1) parts.push(`${column} IN ${listOf(type, bound, values)}`)
  if (wanted.includes(null) && nullable) parts.push(`${column} IS NULL`)
  if (parts.length === 0) return 'false'
  return parts.length === 1 ? parts[0]! : `(${parts.join(' OR ')})`
}

/** Within a list, the server reads no number of a text; a decimal may have more digits than a number. */
function listOf(
  type: ColumnType,
  bound: readonly (string | boolean)[],
  values: BoundValues,
): string {
  const name = valueType(type)
  if (type.kind === 'decimal') return `(${bound.map((one) => values.add(name, one)).join(', ')})`
  const isNumber = type.kind === 'double' || type.kind === 'integer'
  return values.add(`Array(${name})`, isNumber ? bound.map(Number) : bound)
}

const comparisons = { gte: '>=', gt: '>', lte: '<=', lt: '<' } as const

function rangeCondition(
  column: DocumentColumn,
  condition: Readonly<Record<string, unknown>>,
  values: BoundValues,
): string {
  const parts: string[] = []
  for (const [name, value] of Object.entries(condition)) {
    if (value === undefined) continue
    if (name === 'not') {
      const list = (Array.isArray(value) ? value : [value]) as readonly Scalar[]
      parts.push(`NOT ifNull(${equals(column, list, values)}, false)`)
    } else if (name in comparisons) {
      parts.push(
        compare(column, name as keyof typeof comparisons, value as string | number, values),
      )
    } else {
      throw unsupported(
        `expected gte, gt, lte, lt, not or has as the condition on "${column.property}", got "${name}"`,
      )
    }
  }
  return allOf(parts)
}

function compare(
  { property, name, type }: DocumentColumn,
  comparison: keyof typeof comparisons,
  value: string | number,
  values: BoundValues,
): string {
  if (type.kind === 'boolean' || type.kind === 'uuid')
    throw unsupported(`expected a range on text, numbers or times, got it on "${property}"`)
  const bound = type.kind === 'integer' ? integerBound(value, comparison) : boundOf(type, value)
  if (bound === undefined) {
    throw unsupported(
      `expected a ${type.kind === 'instant' ? 'RFC 3339 time' : type.kind} as the bound of "${property}", got ${JSON.stringify(value)}`,
    )
  }
  return `${quoted(name)} ${comparisons[comparison]} ${values.add(valueType(type), bound)}`
}

/** A bound between integers moves to the next one that means the same. */
function integerBound(
  value: string | number,
  comparison: keyof typeof comparisons,
): string | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return undefined
  const rounded = comparison === 'gte' || comparison === 'lt' ? Math.ceil(value) : Math.floor(value)
  const limit = 2n ** 63n - 1n
  if (rounded >= 2 ** 63) return limit.toString()
  return rounded <= -(2 ** 63) ? (-limit).toString() : BigInt(rounded).toString()
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The value as a parameter of the column's type; undefined: the column cannot hold it, so nothing equals it. */
export function boundOf(type: ColumnType, value: Scalar): string | boolean | undefined {
  switch (type.kind) {
    case 'text':
    case 'enum':
      return typeof value === 'string' && isText(value) ? value : undefined
    case 'uuid':
      return typeof value === 'string' && uuidPattern.test(value) ? value : undefined
    case 'instant': {
      const ms = typeof value === 'string' ? instantMs(value) : undefined
      return ms === undefined ? undefined : instantParameter(ms)
    }
    case 'date':
      return typeof value === 'string' && dayNumber(value) !== undefined ? value : undefined
    case 'integer':
      return Number.isSafeInteger(value) ? String(value) : undefined
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
    case 'decimal':
      return decimalBound(type, value)
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    default:
      return undefined
  }
}

/** A decimal of more digits than the column has is not equal to any. */
function decimalBound(
  { precision, scale }: { readonly precision: number; readonly scale: number },
  value: Scalar,
): string | undefined {
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(String(value))
  if (match === null || typeof value === 'boolean') return undefined
  const whole = match[1]!.replace(/^0+/, '')
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  return whole.length > precision - scale || fraction.length > scale ? undefined : String(value)
}
