import { TailraceError, type NativeReader } from 'tailrace/adapter'
import type { DocsPlace, Query } from './docs-place.ts'
import { decodeDocument, type StoredSource } from './document-codec.ts'
import type { DocumentField } from './document-fields.ts'
import type { EngineClient } from './engine-client.ts'
import { keyOfText } from './key-id.ts'

type Tree = Readonly<Record<string, unknown>>

/** A search in the engine's own language, in the parts that read and cost what they say: see `checkSearch`. */
export interface SearchRequest {
  /** Fields are `doc.NAME`; the words of a text lookup are `doc.NAME.words`. Default: all documents. */
  readonly query?: Tree
  /** Default: by relevance. */
  readonly sort?: readonly Tree[]
  /** Default: 20; at most 1,000. */
  readonly size?: number
  /** The `sort` of the last hit, to go on after it. */
  readonly searchAfter?: readonly unknown[]
  readonly highlight?: { readonly fields: Readonly<Record<string, Tree>> }
  readonly aggs?: Readonly<Record<string, Tree>>
  /** Count all matches. Default: false. */
  readonly total?: boolean
}

export interface SearchHit<Doc> {
  readonly key: string
  readonly document: Doc
  readonly score: number | undefined
  readonly sort: readonly unknown[]
  readonly highlight: Readonly<Record<string, readonly string[]>>
}

export interface SearchAnswer<Doc> {
  readonly hits: readonly SearchHit<Doc>[]
  readonly total: number | undefined
  readonly aggregations: Readonly<Record<string, unknown>>
}

/** The engine's search for queries: one version, without deletions, and nothing but reading. */
export interface NativeSearch {
  /** Throws `READ_UNSUPPORTED` for a request that may not be made or that the engine refuses, `UNAVAILABLE` when it takes too long. */
  search<Doc = Record<string, unknown>>(request: SearchRequest): Promise<SearchAnswer<Doc>>
}

export interface NativeSearchOptions {
  readonly client: EngineClient
  readonly place: DocsPlace
  readonly fields: readonly DocumentField[]
  readonly searchMs: number
}

export function nativeSearch({
  client,
  place,
  fields,
  searchMs,
}: NativeSearchOptions): NativeSearch {
  return {
    async search<Doc>(request: SearchRequest): Promise<SearchAnswer<Doc>> {
      const { body } = await client.request(
        'POST',
        `/${place.target}/_search?allow_partial_search_results=false`,
        { ...checkSearch(request, place.conditions()), timeout: `${searchMs}ms` },
      )
      if (body.timed_out === true)
        throw new TailraceError(
          'UNAVAILABLE',
          `expected the search engine to answer within ${searchMs} ms, got a part; ask for less or later`,
          { retryable: true },
        )
      return {
        hits: (body.hits.hits as readonly Hit[]).map((hit) => hitOf<Doc>(fields, hit)),
        total: request.total === true ? (body.hits.total.value as number) : undefined,
        aggregations: body.aggregations ?? {},
      }
    },
  }
}

/** The search of the store's own reader. Throws `READ_UNSUPPORTED` for the reader of another store. */
export function searchOf(reader: { readonly native?: NativeReader }): NativeSearch {
  if (reader.native?.store === storeName) return reader.native.client as NativeSearch
  throw new TailraceError(
    'READ_UNSUPPORTED',
    `expected the reader of an Elasticsearch store, got one of ${reader.native?.store ?? 'a store without a client of its own'}`,
  )
}

export const storeName = 'elasticsearch'

interface Hit {
  readonly _source: StoredSource
  readonly _score: number | null
  readonly sort?: readonly unknown[]
  readonly highlight?: Readonly<Record<string, readonly string[]>>
}

function hitOf<Doc>(
  fields: readonly DocumentField[],
  { _source: source, _score: score, sort, highlight }: Hit,
): SearchHit<Doc> {
  return {
    key: keyOfText(source.tr.key),
    document: decodeDocument(fields, source) as Doc,
    score: score ?? undefined,
    sort: sort ?? [],
    highlight: highlight ?? {},
  }
}

/**
 * What a query may be made of. Left out: what parses a text of the caller (`query_string`), runs code (`script`), or walks
 * all terms of a field (`regexp`, `wildcard`, `fuzzy`).
 */
const queries = new Set(
  `term terms range exists ids match match_phrase match_phrase_prefix match_bool_prefix
  multi_match match_all match_none`.split(/\s+/),
)
const compounds: Readonly<Record<string, readonly string[]>> = {
  bool: ['must', 'filter', 'should', 'must_not'],
  constant_score: ['filter'],
  dis_max: ['queries'],
  boosting: ['positive', 'negative'],
}
/** What else a compound may say. Others are refused: the engine knows `must_not` also by an older name. */
const settings = new Set(
  `boost _name minimum_should_match adjust_pure_negative tie_breaker negative_boost`.split(' '),
)
const aggregations = new Set(
  `terms range date_range histogram date_histogram auto_date_histogram missing rare_terms composite
  significant_terms sum avg min max stats extended_stats value_count cardinality percentiles
  percentile_ranks`.split(/\s+/),
)

const depthMax = 20

/** The body of a request, with the conditions that every search of the version has. Throws `READ_UNSUPPORTED`. */
export function checkSearch(request: SearchRequest, always: readonly Query[]): object {
  const { query, sort, size = 20, searchAfter, highlight, aggs, total } = request
  if (!Number.isSafeInteger(size) || size < 0 || size > 1_000)
    throw refused(`expected a size from 0 to 1,000, got ${size}`)
  if (query !== undefined) checkQuery(query, 0)
  if (aggs !== undefined) checkAggregations(aggs, 0)
  for (const part of [query, sort, highlight, aggs]) checkNoCode(part, 0)
  checkNoQuery(highlight, 0)
  checkNoQuery(sort, 0)
  return {
    size,
    query: { bool: { filter: always, ...(query === undefined ? {} : { must: [query] }) } },
    track_total_hits: total === true,
    ...(sort === undefined ? {} : { sort }),
    ...(searchAfter === undefined ? {} : { search_after: searchAfter }),
    ...(highlight === undefined ? {} : { highlight: { fields: highlight.fields } }),
    ...(aggs === undefined ? {} : { aggs }),
  }
}

function checkQuery(query: unknown, depth: number): void {
  if (depth > depthMax) throw refused(`expected a query nested up to ${depthMax} deep, got more`)
  const entries = Object.entries(query as Tree)
  if (typeof query !== 'object' || query === null || entries.length !== 1)
    throw refused('expected a query of one kind, such as { term: { … } }')
  const [kind, body] = entries[0]!
  if (queries.has(kind)) {
    // A lookup of values in another index would read what is not of this version.
    if (kind === 'terms') checkTerms(body as Tree)
    return
  }
  const parts = compounds[kind]
  if (parts === undefined)
    throw refused(
      `expected a query of ${[...queries, ...Object.keys(compounds)].join(', ')}, got "${kind}"`,
    )
  for (const [part, inner] of Object.entries(body as Tree)) {
    if (settings.has(part)) continue
    if (!parts.includes(part))
      throw refused(`expected ${parts.join(', ')} in "${kind}", got "${part}"`)
    for (const one of Array.isArray(inner) ? inner : inner === undefined ? [] : [inner])
      checkQuery(one, depth + 1)
  }
}

function checkTerms(body: Tree): void {
  for (const [field, values] of Object.entries(body))
    if (field !== 'boost' && !Array.isArray(values))
      throw refused(`expected a list of values in "terms" on "${field}"`)
}

function checkAggregations(aggs: Tree, depth: number): void {
  if (depth > depthMax)
    throw refused(`expected aggregations nested up to ${depthMax} deep, got more`)
  for (const [name, aggregation] of Object.entries(aggs)) {
    for (const [kind, body] of Object.entries(aggregation as Tree)) {
      if (kind === 'aggs' || kind === 'aggregations') checkAggregations(body as Tree, depth + 1)
      else if (kind === 'filter') checkQuery(body, depth + 1)
      else if (kind === 'filters') checkFilters((body as Tree)['filters'], depth + 1)
      else if (!aggregations.has(kind) && kind !== 'meta')
        throw refused(
          `expected aggregation "${name}" to be filter, filters, ${[...aggregations].join(', ')}, got "${kind}"`,
        )
    }
  }
}

function checkFilters(filters: unknown, depth: number): void {
  for (const one of Object.values((filters ?? {}) as Tree)) checkQuery(one, depth)
}

const codeWords = new Set([
  'script',
  'scripts',
  'script_fields',
  'runtime_mappings',
  'background_filter',
  '_script',
])

function checkNoCode(part: unknown, depth: number): void {
  if (typeof part !== 'object' || part === null) return
  if (depth > 3 * depthMax) throw refused('expected a search that is less deeply nested')
  for (const [name, inner] of Object.entries(part)) {
    if (codeWords.has(name)) throw refused(`expected a search without code, got "${name}"`)
    checkNoCode(inner, depth + 1)
  }
}

/** Queries within a sort and within highlights. */
function checkNoQuery(part: unknown, depth: number): void {
  if (typeof part !== 'object' || part === null || depth > depthMax) return
  for (const [name, inner] of Object.entries(part)) {
    if (name === 'highlight_query' || name === 'nested' || name === 'nested_filter')
      throw refused(`expected a sort and highlights without queries of their own, got "${name}"`)
    checkNoQuery(inner, depth + 1)
  }
}

function refused(text: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', text)
}
