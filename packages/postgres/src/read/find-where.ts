import { TailraceError, type Condition, type Scalar } from 'tailrace/adapter'
import { instantText, isText } from './document-codec.ts'
import type { DocumentColumn } from './document-columns.ts'
import type { DocumentTable } from './document-table.ts'

export type Parameters = unknown[]

/** Nesting of `any` that a filter may have. */
const depthMax = 8

/**
 * The conditions of a filter as SQL, all of which must hold; values become parameters. `without` leaves one top-level
 * field out. Throws `READ_UNSUPPORTED` for fields and conditions that the documents do not have.
 */
export function conditions(
  table: DocumentTable,
  where: object,
  values: Parameters,
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
      parts.push(options.length === 0 ? 'false' : `(${options.join(' or ')})`)
    } else {
      parts.push(fieldCondition(table.column(field), condition as Condition, values))
    }
  }
  return parts
}

function allOf(parts: readonly string[]): string {
  return parts.length === 0 ? 'true' : `(${parts.join(' and ')})`
}

function unsupported(text: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', text)
}

function fieldCondition(column: DocumentColumn, condition: Condition, values: Parameters): string {
  if (column.kind === 'json')
    throw unsupported(
      `expected a filter on a scalar or a list of scalars, got "${column.property}"`,
    )
  if (typeof condition === 'object' && condition !== null && 'has' in condition)
    return hasCondition(column, condition.has, values)
  if (column.kind === 'jsonb') {
    if (condition === null) return `"${column.name}" is null`
    throw unsupported(
      `expected { has: … } for the list "${column.property}", got another condition`,
    )
  }
  if (condition === null || typeof condition !== 'object')
    return equals(column, [condition], values)
  if (Array.isArray(condition)) return equals(column, condition as readonly Scalar[], values)
  return rangeCondition(column, condition as Readonly<Record<string, unknown>>, values)
}

function hasCondition(column: DocumentColumn, value: Scalar, values: Parameters): string {
  if (column.kind !== 'jsonb')
    throw unsupported(`expected { has: … } on a list of scalars, got it on "${column.property}"`)
  if (typeof value === 'string' && !isText(value)) return 'false'
  values.push(JSON.stringify([value]))
  return `"${column.name}" @> $${values.length}::jsonb`
}

function equals(column: DocumentColumn, wanted: readonly Scalar[], values: Parameters): string {
  const texts = wanted.flatMap((value) => (value === null ? [] : (exact(column, value) ?? [])))
  const parts: string[] = []
  if (texts.length === 1) {
    values.push(texts[0])
    parts.push(`"${column.name}" = $${values.length}::${castOf(column)}`)
  } else if (texts.length > 1) {
    values.push(texts)
    parts.push(`"${column.name}" = any($${values.length}::${castOf(column)}[])`)
  }
  if (wanted.includes(null)) parts.push(`"${column.name}" is null`)
  if (parts.length === 0) return 'false'
  return parts.length === 1 ? parts[0]! : `(${parts.join(' or ')})`
}

const comparisons = { gte: '>=', gt: '>', lte: '<=', lt: '<' } as const

function rangeCondition(
  column: DocumentColumn,
  condition: Readonly<Record<string, unknown>>,
  values: Parameters,
): string {
  const parts: string[] = []
  for (const [name, value] of Object.entries(condition)) {
    if (value === undefined) continue
    if (name === 'not') {
      const list = (Array.isArray(value) ? value : [value]) as readonly Scalar[]
      parts.push(`(${equals(column, list, values)}) is not true`)
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
  column: DocumentColumn,
  name: keyof typeof comparisons,
  value: string | number,
  values: Parameters,
): string {
  if (column.kind === 'boolean' || column.kind === 'uuid')
    throw unsupported(`expected a range on text, numbers or times, got it on "${column.property}"`)
  const text = column.kind === 'bigint' ? integerBound(value, name) : exact(column, value)
  if (text === undefined) {
    throw unsupported(
      `expected ${column.kind === 'timestamptz' ? 'an RFC 3339 time' : `a ${column.kind}`} as the bound of "${column.property}", got ${JSON.stringify(value)}`,
    )
  }
  values.push(text)
  return `"${column.name}" ${comparisons[name]} $${values.length}::${castOf(column)}`
}

/** A bound between integers moves to the next one that means the same. */
function integerBound(value: string | number, name: keyof typeof comparisons): string | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return undefined
  const rounded = name === 'gte' || name === 'lt' ? Math.ceil(value) : Math.floor(value)
  const limit = 2n ** 63n - 1n
  if (rounded >= 2 ** 63) return limit.toString()
  return rounded <= -(2 ** 63) ? (-limit).toString() : BigInt(rounded).toString()
}

const patterns = { uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i }

/** The value as the column's text; undefined: the column cannot hold it, so nothing equals it. */
function exact(column: DocumentColumn, value: Scalar): string | undefined {
  switch (column.kind) {
    case 'text':
      return typeof value === 'string' && isText(value) ? value : undefined
    case 'uuid':
      return typeof value === 'string' && patterns.uuid.test(value) ? value : undefined
    case 'timestamptz':
      return typeof value === 'string' ? instantText(value) : undefined
    case 'bigint':
      return Number.isSafeInteger(value) ? String(value) : undefined
    case 'double':
      return typeof value === 'number' && !Number.isNaN(value) ? String(value) : undefined
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined
    default:
      return undefined
  }
}

function castOf(column: DocumentColumn): string {
  return column.kind === 'double' ? 'double precision' : column.kind
}
