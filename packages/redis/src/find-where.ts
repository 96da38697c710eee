import { TailraceError } from 'tailrace/adapter'
import type { LookupField, Lookups } from './lookup.ts'
import { encodeValue } from './ordered-value.ts'

/** A filter as lookups can serve it. */
export interface Filter {
  /** Fields that equal one of some values, encoded, each once. */
  readonly equal: ReadonlyMap<string, readonly string[]>
  readonly range: RangeFilter | undefined
}

export interface RangeFilter {
  readonly field: string
  /** Encoded bounds. */
  readonly bounds: readonly (readonly [operator: RangeOperator, value: string])[]
}

export type RangeOperator = 'gte' | 'gt' | 'lte' | 'lt'

const operators: ReadonlySet<string> = new Set(['gte', 'gt', 'lte', 'lt'])

/** Throws `READ_UNSUPPORTED` for a field or condition that no lookup could serve. */
export function filterOf(lookups: Lookups, where: object): Filter {
  const equal = new Map<string, readonly string[]>()
  let range: RangeFilter | undefined
  for (const [name, condition] of Object.entries(where) as [string, unknown][]) {
    if (condition === undefined) continue
    if (name === 'any' && Array.isArray(condition) && condition.every(isObject))
      throw unsupported(
        'expected conditions that must all hold, got "any"; Redis finds by declared lookups only',
      )
    const field = lookups.field(name)
    const values = equalValues(field, condition)
    if (values !== undefined) {
      equal.set(name, values)
      continue
    }
    const bounds = boundsOf(field, condition as Readonly<Record<string, unknown>>)
    if (bounds.length === 0) continue
    if (range !== undefined)
      throw unsupported(`expected a range of one field, got "${range.field}" and "${name}"`)
    range = { field: name, bounds }
  }
  return { equal, range }
}

/** Undefined: the condition is a range. */
function equalValues(field: LookupField, condition: unknown): readonly string[] | undefined {
  if (isObject(condition) && 'has' in condition) {
    if (!field.list) throw unsupported(`expected { has: … } on a list, got it on "${field.name}"`)
    return [encodeValue(field.kind, condition['has'])]
  }
  if (field.list)
    throw unsupported(`expected { has: … } for the list "${field.name}", got another condition`)
  if (Array.isArray(condition))
    return [...new Set(condition.map((value) => encodeValue(field.kind, value)))]
  return isObject(condition) ? undefined : [encodeValue(field.kind, condition)]
}

function boundsOf(
  { name, kind }: LookupField,
  condition: Readonly<Record<string, unknown>>,
): RangeFilter['bounds'] {
  const given = Object.entries(condition).filter(([, value]) => value !== undefined)
  return given.map(([operator, value]) => {
    if (!operators.has(operator))
      throw unsupported(
        `expected gte, gt, lte, lt or has as the condition on "${name}", got "${operator}"; Redis finds by declared lookups only`,
      )
    const encoded =
      typeof value === 'string' || typeof value === 'number' ? encodeValue(kind, value) : ''
    const wanted = kind === 'any' ? encoded[0] : tags[kind]
    if (encoded === '' || encoded[0] !== wanted)
      throw unsupported(
        `expected a ${kind === 'any' ? 'text or number' : kind} as the bound of "${name}", got ${JSON.stringify(value)}`,
      )
    return [operator as RangeOperator, encoded]
  })
}

/** How the values of a field that has an order begin; a boolean and a uuid have none. */
const tags: Readonly<Record<string, string>> = { text: 's', number: 'n', time: 'd' }

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function unsupported(message: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', message)
}
