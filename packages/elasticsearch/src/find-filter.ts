import { TailraceError, type Condition, type Scalar } from 'tailrace/adapter'
import type { Query } from './docs-place.ts'
import { fieldOf, type DocumentField } from './document-fields.ts'
import { instantText, isKeyword, sought } from './field-values.ts'

export type FieldMap = ReadonlyMap<string, DocumentField>

/** Nesting of `any` that a filter may have. */
const depthMax = 8
/** What the engine takes in one list of values. */
const valuesMax = 65_536

const nothing: Query = { match_none: {} }

/**
 * The conditions of a filter, all of which must hold, each with the top-level field that it is about (`any`: none). Made of
 * typed conditions alone: no text of a caller is ever parsed. Throws `READ_UNSUPPORTED`.
 */
export function conditions(
  fields: FieldMap,
  where: object,
  depth = 0,
): readonly { readonly field: string; readonly query: Query }[] {
  if (depth > depthMax)
    throw unsupported(`expected filters nested up to ${depthMax} deep, got more`)
  return Object.entries(where).flatMap(([field, condition]) => {
    if (condition === undefined) return []
    const options = field === 'any' ? optionsOf(condition) : undefined
    const query =
      options === undefined
        ? fieldCondition(fieldOf(fields, field), condition as Condition)
        : anyOf(options.map((one) => allOf(conditions(fields, one, depth + 1))))
    return [{ field, query }]
  })
}

function optionsOf(condition: unknown): readonly object[] | undefined {
  if (!Array.isArray(condition)) return undefined
  return condition.every((one) => typeof one === 'object' && one !== null) ? condition : undefined
}

function allOf(parts: readonly { readonly query: Query }[]): Query {
  return { bool: { filter: parts.map(({ query }) => query) } }
}

function anyOf(parts: readonly Query[]): Query {
  if (parts.length === 0) return nothing
  return parts.length === 1 ? parts[0]! : { bool: { should: parts, minimum_should_match: 1 } }
}

function not(query: Query): Query {
  return { bool: { must_not: [query] } }
}

function unsupported(text: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', text)
}

/** Where a field's values are. */
export function pathOf({ name }: DocumentField): string {
  return `doc.${name}`
}

function fieldCondition(field: DocumentField, condition: Condition): Query {
  if (field.kind === 'none')
    throw unsupported(`expected a filter on a scalar or a list of scalars, got "${field.property}"`)
  if (typeof condition === 'object' && condition !== null && 'has' in condition) {
    if (!field.list)
      throw unsupported(`expected { has: … } on a list of scalars, got it on "${field.property}"`)
    return equals(field, [condition.has], false)
  }
  if (condition === null) return isNull(field)
  if (field.list)
    throw unsupported(`expected { has: … } for the list "${field.property}", got another condition`)
  if (typeof condition !== 'object') return equals(field, [condition], true)
  if (Array.isArray(condition)) return equals(field, condition as readonly Scalar[], true)
  return rangeCondition(field, condition as Readonly<Record<string, unknown>>)
}

function isNull({ name }: DocumentField): Query {
  return { term: { 'tr.nulls': name } }
}

function equals(field: DocumentField, wanted: readonly Scalar[], nulls: boolean): Query {
  if (wanted.length > valuesMax)
    throw unsupported(
      `expected at most ${valuesMax} values for "${field.property}", got ${wanted.length}`,
    )
  const values = wanted.flatMap((value) => sought(field.kind, value) ?? [])
  const parts: Query[] = []
  if (values.length === 1) parts.push({ term: { [pathOf(field)]: { value: values[0] } } })
  else if (values.length > 1) parts.push({ terms: { [pathOf(field)]: values } })
  if (nulls && wanted.includes(null)) parts.push(isNull(field))
  return anyOf(parts)
}

const comparisons = new Set(['gte', 'gt', 'lte', 'lt'])

function rangeCondition(field: DocumentField, condition: Readonly<Record<string, unknown>>): Query {
  const bounds: Record<string, unknown> = {}
  const parts: Query[] = []
  for (const [name, value] of Object.entries(condition)) {
    if (value === undefined) continue
    if (name === 'not') {
      const list = (Array.isArray(value) ? value : [value]) as readonly Scalar[]
      parts.push(not(equals(field, list, true)))
    } else if (comparisons.has(name)) {
      bounds[name] = boundOf(field, name, value)
    } else {
      throw unsupported(
        `expected gte, gt, lte, lt, not or has as the condition on "${field.property}", got "${name}"`,
      )
    }
  }
  if (Object.keys(bounds).length > 0) parts.push({ range: { [pathOf(field)]: bounds } })
  return { bool: { filter: parts } }
}

function boundOf(field: DocumentField, name: string, value: unknown): string | number {
  const bound = boundValue(field, name, value)
  if (bound !== undefined) return bound
  const wanted = { date: 'an RFC 3339 time', long: 'a number', double: 'a number' } as const
  const expected = wanted[field.kind as keyof typeof wanted] ?? 'a text'
  throw unsupported(
    `expected ${expected} as the bound of "${field.property}", got ${JSON.stringify(value)}`,
  )
}

function boundValue(
  { kind, property }: DocumentField,
  name: string,
  value: unknown,
): string | number | undefined {
  switch (kind) {
    case 'keyword':
      return isKeyword(value) ? value : undefined
    case 'date':
      return typeof value === 'string' ? instantText(value) : undefined
    case 'long':
      return integerBound(value, name)
    case 'double':
      return typeof value === 'number' && !Number.isNaN(value) ? clamp(value) : undefined
    default:
      throw unsupported(`expected a range on text, numbers or times, got it on "${property}"`)
  }
}

function clamp(value: number): number {
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE)
}

/** A bound between integers moves to the next one that means the same; documents hold none beyond 2^53. */
function integerBound(value: unknown, name: string): number | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return undefined
  const rounded = name === 'gte' || name === 'lt' ? Math.ceil(value) : Math.floor(value)
  return Math.min(Math.max(rounded, -(2 ** 53)), 2 ** 53)
}
