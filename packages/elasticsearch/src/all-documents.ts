import { isTailraceError } from 'tailrace/adapter'
import { notDeleted, type DocsPlace } from './docs-place.ts'
import type { StoredSource } from './document-codec.ts'
import type { EngineClient } from './engine-client.ts'

const pageMax = 1_000

/** Every document of a version as searches see it, ordered by key; in smaller pages where an answer would be too large. */
export async function* allDocuments(
  client: EngineClient,
  place: DocsPlace,
): AsyncGenerator<readonly StoredSource[]> {
  let after: readonly unknown[] | undefined
  let size = pageMax
  for (;;) {
    let hits: readonly { readonly _source: StoredSource; readonly sort: readonly unknown[] }[]
    try {
      const { body } = await client.request(
        'POST',
        `/${place.target}/_search?allow_partial_search_results=false`,
        {
          size,
          query: notDeleted,
          sort: [{ 'tr.key': 'asc' }],
          track_total_hits: false,
          ...(after === undefined ? {} : { search_after: after }),
        },
      )
      ;({ hits } = body.hits)
    } catch (error) {
      if (!isTailraceError(error) || error.details['answerTooLarge'] !== true || size === 1)
        throw error
      size = Math.ceil(size / 4)
      continue
    }
    if (hits.length > 0) yield hits.map(({ _source }) => _source)
    if (hits.length < size) return
    after = hits.at(-1)!.sort
  }
}
