import type { FindOptions, Found } from 'tailrace/adapter'
import { boundsOf } from './find-bounds.ts'
import { cursorOf, restOfCursor } from './find-cursor.ts'
import { planFacet, planFind, type FindPlan } from './find-plan.ts'
import { facetScript, findScript } from './find-scripts.ts'
import { filterOf, unsupported } from './find-where.ts'
import type { Lookups } from './lookup.ts'
import { valueName } from './ordered-value.ts'
import type { VersionAccess } from './version-access.ts'

type Doc = Record<string, unknown>

/** Documents that one question may read: several ranges are read in full before they are merged. */
const readMax = 5_000
const facetValuesMax = 1_000

/** Serves a question from the declared lookups. Throws `READ_UNSUPPORTED` for one that they do not serve. */
export async function findDocuments(
  access: VersionAccess,
  lookups: Lookups,
  options: FindOptions<Doc>,
): Promise<Found<Doc>> {
  const limit = options.limit ?? 20
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
    throw unsupported(`expected a limit from 1 to 1,000, got ${limit}`)
  if (options.text !== undefined)
    throw unsupported('expected a filter by fields, got text; Redis does not search words')
  const filter = filterOf(lookups, options.where ?? {})
  const plan = planFind(lookups, filter, options.sort)
  const facetPlans = (options.facets ?? []).map(
    (field) => [field, planFacet(lookups, filter, field)] as const,
  )
  const [page, ...facets] = await Promise.all([
    readPage(access, plan, limit, options),
    ...facetPlans.map(([, facet]) => countFacet(access, facet)),
  ])
  return {
    ...page,
    facets: Object.fromEntries(facetPlans.map(([field], i) => [field, facets[i]!])),
  }
}

interface Entry {
  /** What of an entry follows its prefix: sorted values and key. */
  readonly rest: string
  readonly document: Doc
}

async function readPage(
  access: VersionAccess,
  plan: FindPlan,
  limit: number,
  { after, total }: FindOptions<Doc>,
): Promise<Omit<Found<Doc>, 'facets'>> {
  const { prefixes, descending } = plan
  const last = after === undefined ? undefined : restOfCursor(access, plan, after)
  if (prefixes.length === 0)
    return { items: [], next: undefined, total: total === true ? 0 : undefined }
  if (prefixes.length > 1 && prefixes.length * (limit + 1) > readMax)
    throw unsupported(
      `expected to read at most ${readMax} documents for a page, got ${prefixes.length} ranges of ${limit + 1}; lower the limit`,
    )
  const bounds = prefixes.flatMap((prefix) => boundsOf(prefix, plan, last))
  const { connection, names, codec } = access
  const sortedSet = plan.lookup === undefined ? names.keys : names.lookup(plan.lookup.id)
  const [count, ...ranges] = (await connection.script(
    findScript,
    [sortedSet, names.checkpoints],
    [
      String(plan.lookup?.fields.length ?? 0),
      descending ? '1' : '0',
      String(limit + 1),
      total === true ? '1' : '0',
      ...bounds,
    ],
  )) as [number, ...[string[], (string | null)[]][]]
  const found = ranges.flatMap(([entries, values], i) =>
    entries.flatMap((entry, j): Entry[] => {
      const document = codec.document(values[j] ?? null) as Doc | undefined
      return document === undefined ? [] : [{ rest: entry.slice(prefixes[i]!.length), document }]
    }),
  )
  const merged = ranges.length === 1 ? found : inOrder(found, descending)
  const items = merged.slice(0, limit)
  return {
    items: items.map(({ document }) => document),
    next: merged.length > limit ? cursorOf(access, plan, items.at(-1)!.rest) : undefined,
    total: total === true ? count : undefined,
  }
}

/** By bytes, as the server compares. */
function inOrder(entries: readonly Entry[], descending: boolean): readonly Entry[] {
  const sorted = entries
    .map((entry) => ({ entry, bytes: Buffer.from(entry.rest) }))
    .toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry)
  return descending ? sorted.toReversed() : sorted
}

async function countFacet(
  { connection, names }: VersionAccess,
  { lookup, prefixes }: ReturnType<typeof planFacet>,
): Promise<Readonly<Record<string, number>>> {
  if (prefixes.length === 0) return {}
  const answer = (await connection.script(
    facetScript,
    [names.lookup(lookup.id)],
    [String(facetValuesMax), ...prefixes],
  )) as (string | number)[]
  if (answer.length === 1)
    throw unsupported(
      `expected at most ${facetValuesMax} values of a facet, got more; filter further`,
    )
  const counts = new Map<string, number>()
  for (let i = 0; i < answer.length; i += 2) {
    const name = valueName(answer[i] as string)
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + (answer[i + 1] as number))
  }
  return Object.fromEntries(counts)
}
