import {
  TailraceError,
  type DocumentReader,
  type FindOptions,
  type Found,
  type NativeReader,
} from 'tailrace/adapter'
import type { DocsPlace } from './docs-place.ts'
import { decodeDocument, type StoredSource } from './document-codec.ts'
import type { DocumentField } from './document-fields.ts'
import type { EngineClient } from './engine-client.ts'
import { conditions, type FieldMap } from './find-filter.ts'
import { facetCounts, facetFields, facetPart } from './find-facets.ts'
import { cursorOf, cursorValues, sortOf, sortPart, type SortField } from './find-page.ts'
import { textCondition } from './find-text.ts'
import { idOfKey } from './key-id.ts'

type Doc = Record<string, unknown>

/** What reading a version needs. */
export interface ReaderContext {
  readonly client: EngineClient
  readonly place: DocsPlace
  readonly fields: readonly DocumentField[]
  readonly byProperty: FieldMap
  /** Part of cursors: those of another version are refused. */
  readonly version: string
  /** How long the engine may search, milliseconds. */
  readonly searchMs: number
  readonly native: NativeReader
}

const keysMax = 1_000

/** Reads documents of one version. Reads by key see what is written; searches what is visible. */
export function documentReader(context: ReaderContext): DocumentReader<Doc> {
  const getMany = async (keys: readonly string[]): Promise<(Doc | undefined)[]> => {
    if (keys.length > keysMax)
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected at most ${keysMax} keys, got ${keys.length}; ask in parts`,
      )
    const { place, fields } = context
    const sources = await place.load([...new Set(keys.map(idOfKey))])
    return keys.map((key) => {
      const source = sources.get(idOfKey(key))
      if (source === undefined || place.hides(source)) return undefined
      return decodeDocument(fields, source) as Doc
    })
  }
  return {
    get: async (key) => (await getMany([key]))[0],
    getMany,
    find: (options) => find(context, options),
    native: context.native,
  }
}

interface Hit {
  readonly _source: StoredSource
  readonly sort: readonly unknown[]
}

async function find(context: ReaderContext, options: FindOptions<Doc>): Promise<Found<Doc>> {
  const limit = options.limit ?? 20
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
    throw new TailraceError('READ_UNSUPPORTED', `expected a limit from 1 to 1,000, got ${limit}`)
  const sort = sortOf(context.byProperty, options.sort ?? [])
  const facets = facetFields(context.byProperty, options.facets ?? [])
  const { client, place, fields, version } = context
  const { body } = await client.request(
    'POST',
    `/${place.target}/_search?allow_partial_search_results=false`,
    requestBody(context, options, sort, facets, limit),
  )
  if (body.timed_out === true)
    throw new TailraceError(
      'UNAVAILABLE',
      `expected the search engine to answer within ${context.searchMs} ms, got a part; ask for less or later`,
      { retryable: true },
    )
  const hits = body.hits.hits as readonly Hit[]
  const shown = hits.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(({ _source }) => decodeDocument(fields, _source) as Doc),
    next:
      hits.length > limit && last !== undefined ? cursorOf(version, sort, last.sort) : undefined,
    total: options.total === true ? (body.hits.total.value as number) : undefined,
    facets: facetCounts(facets, body.aggregations ?? {}),
  }
}

function requestBody(
  { byProperty, place, version, searchMs }: ReaderContext,
  options: FindOptions<Doc>,
  sort: readonly SortField[],
  facets: readonly DocumentField[],
  limit: number,
): object {
  const text = options.text === undefined ? undefined : textCondition(byProperty, options.text)
  const parts = conditions(byProperty, options.where ?? {})
  const faceted = new Set(facets.map(({ property }) => property))
  const after = parts.filter(({ field }) => faceted.has(field))
  const before = parts.filter(({ field }) => !faceted.has(field)).map(({ query }) => query)
  const filter = [...place.conditions(), ...(text === undefined ? [] : [text]), ...before]
  return {
    size: limit + 1,
    query: { bool: { filter } },
    ...(after.length === 0
      ? {}
      : { post_filter: { bool: { filter: after.map(({ query }) => query) } } }),
    ...(facets.length === 0 ? {} : { aggs: facetPart(facets, after) }),
    sort: sortPart(sort),
    ...(options.after === undefined
      ? {}
      : { search_after: cursorValues(version, sort, options.after) }),
    track_total_hits: options.total === true,
    timeout: `${searchMs}ms`,
  }
}
