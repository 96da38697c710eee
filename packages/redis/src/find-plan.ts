import type { FindOptions } from 'tailrace/adapter'
import { unsupported, type Filter, type RangeFilter } from './find-where.ts'
import type { Lookup, Lookups } from './lookup.ts'

type Doc = Record<string, unknown>

/** What of a sorted set answers a question. */
export interface FindPlan {
  /** Undefined: the keys of all documents. */
  readonly lookup: Lookup | undefined
  /** How the entries of each range begin: their equal values, encoded. */
  readonly prefixes: readonly string[]
  readonly range: RangeFilter | undefined
  readonly descending: boolean
  /** Values that follow the prefix in an entry, before the key. */
  readonly sorted: number
  /** Of what a cursor must be. */
  readonly sortText: string
}

/** One range is read for each combination of the equal values. */
const rangesMax = 32

/** Finds the lookup that serves a question. Throws `READ_UNSUPPORTED` when none does. */
export function planFind(
  lookups: Lookups,
  filter: Filter,
  sort: FindOptions<Doc>['sort'],
): FindPlan {
  const { equal, range } = filter
  const asked = sort ?? []
  for (const [field, direction] of asked) {
    if (lookups.field(field).list)
      throw unsupported(`expected to sort by a value, got the list "${field}"`)
    if (direction !== 'asc' && direction !== 'desc')
      throw unsupported(`expected "asc" or "desc" for "${field}", got ${JSON.stringify(direction)}`)
  }
  // A field that equals one value orders nothing.
  const ordering = asked.filter(([field]) => equal.get(field)?.length !== 1)
  const direction = asked.at(-1)?.[1] ?? 'asc'
  const names = ordering.map(([field]) => field)
  if (ordering.some(([, one]) => one !== direction))
    throw unsupported('expected a sort in one direction, got both; Redis reads a lookup one way')
  if (names.some((name) => equal.has(name)) || new Set(names).size < names.length)
    throw unsupported(
      `expected to sort by fields that are not filtered by several values, got [${names.join(', ')}]`,
    )
  if (range !== undefined && range.field !== names[0])
    throw unsupported(
      `expected the range of "${range.field}" to be what is sorted by first, got ${names[0] === undefined ? 'no sort' : `"${names[0]}"`}`,
    )
  const lookup = lookupFor(lookups, [...equal.keys()], names)
  return {
    lookup,
    prefixes: prefixesOf(lookup, equal),
    range,
    descending: direction === 'desc',
    sorted: names.length,
    sortText: [...names, direction].join(' '),
  }
}

function lookupFor(
  lookups: Lookups,
  equal: readonly string[],
  sorted: readonly string[],
): Lookup | undefined {
  if (equal.length === 0 && sorted.length === 0) return undefined
  const found = lookups.all.find(
    ({ fields }) =>
      fields.length === equal.length + sorted.length &&
      fields.slice(0, equal.length).every(({ name }) => equal.includes(name)) &&
      sorted.every((name, i) => fields[equal.length + i]!.name === name),
  )
  return found ?? missing(equal, sorted)
}

function missing(equal: readonly string[], following: readonly string[]): never {
  throw unsupported(
    `expected a declared lookup for this filter and sort, got none; declare lookup: { by: [[${[...equal, ...following].map((name) => `'${name}'`).join(', ')}]] }`,
  )
}

/** Each combination of the equal values, in the order of the lookup's fields. */
function prefixesOf(
  lookup: Lookup | undefined,
  equal: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  let prefixes = ['']
  for (const { name } of lookup?.fields.slice(0, equal.size) ?? []) {
    prefixes = prefixes.flatMap((prefix) => equal.get(name)!.map((value) => prefix + value))
    if (prefixes.length > rangesMax)
      throw unsupported(
        `expected at most ${rangesMax} combinations of filtered values, got more; ask in parts`,
      )
  }
  return prefixes
}

export interface FacetPlan {
  readonly lookup: Lookup
  readonly prefixes: readonly string[]
}

/** Finds a lookup whose next field, after the other conditions, is the facet. Throws `READ_UNSUPPORTED`. */
export function planFacet(lookups: Lookups, filter: Filter, field: string): FacetPlan {
  lookups.field(field)
  if (filter.range !== undefined && filter.range.field !== field)
    throw unsupported(
      `expected a facet without a range of another field, got "${filter.range.field}"`,
    )
  const equal = new Map([...filter.equal].filter(([name]) => name !== field))
  const lookup = lookups.all.find(
    ({ fields }) =>
      fields.slice(0, equal.size).every(({ name }) => equal.has(name)) &&
      fields[equal.size]?.name === field &&
      // A list further on has an entry for each of its values, or none.
      fields.slice(equal.size + 1).every(({ list }) => !list),
  )
  return lookup === undefined
    ? missing([...equal.keys()], [field])
    : { lookup, prefixes: prefixesOf(lookup, equal) }
}
