import type { NativeReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { afterAll, expect, test } from 'vitest'
import { batch, history, item, itemsProjection, put, type Item } from '../test/items.ts'
import { freshPrefix, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch, searchOf, type NativeSearch, type SearchRequest } from './index.ts'

for (const engine of searchEngines) {
  engine.describe(`the engine's own search on ${engine.name}`, () => {
    const prefix = freshPrefix()
    const stores: ReadStore[] = []
    afterAll(async () => {
      await Promise.all(stores.map((one) => one.close()))
      await removeIndices(engine.url, prefix)
    })

    async function searched(name: string): Promise<NativeSearch> {
      const store = elasticsearch({ url: engine.url, prefix, refreshIntervalMs: 3_600_000 })
      stores.push(store)
      const versions: ProjectionStore[] = []
      for (const n of [1, 2]) {
        const version = await store.open(itemsProjection(name, n), history)
        await version.apply(
          batch(undefined, 4n, [
            put('a', item(`red kettle ${n}`, { count: 3 }), 1n),
            put('b', item('red red pot', { status: 'paid', count: 5 }), 2n),
            put('c', item('blue pot'), 3n),
            put('d', null, 4n),
          ]),
        )
        await version.makeVisible!()
        versions.push(version)
      }
      return searchOf(versions[0]!.reader() as unknown as { native: NativeReader })
    }

    test('relevance, highlights and aggregations come from one version, without deletions', async () => {
      const search = await searched('relevant')
      const answer = await search.search<Item>({
        query: { match: { 'doc.title.words': 'red' } },
        highlight: { fields: { 'doc.title.words': {} } },
        aggs: { counts: { sum: { field: 'doc.count' } } },
        total: true,
      })
      expect(answer.hits.map(({ key }) => key).toSorted()).toEqual(['a', 'b'])
      expect(answer.hits[0]!.score).toBeGreaterThan(0)
      expect(answer.hits[0]!.highlight['doc.title.words']![0]).toContain('<em>red</em>')
      expect(answer.hits.find(({ key }) => key === 'a')!.document).toEqual(
        item('red kettle 1', { count: 3 }),
      )
      expect(answer).toMatchObject({ total: 2, aggregations: { counts: { value: 8 } } })
      const all = await search.search({ total: true, sort: [{ 'doc.count': 'desc' }], size: 1 })
      expect(all).toMatchObject({ total: 3, hits: [{ key: 'b', sort: [5] }] })
      const next = await search.search({
        sort: [{ 'doc.count': 'desc' }],
        searchAfter: all.hits[0]!.sort,
      })
      expect(next.hits.map(({ key }) => key)).toEqual(['a', 'c'])
    })

    test('nothing leads out of the version, and no text is parsed or run', async () => {
      const search = await searched('scoped')
      const requests: SearchRequest[] = [
        { query: { query_string: { query: '*' } } },
        { query: { bool: { must: [{ simple_query_string: { query: '*' } }] } } },
        { query: { bool: { should: { wildcard: { 'doc.title': '*' } } } } },
        { query: { regexp: { 'doc.title': '.*' } } },
        { query: { bool: { mustNot: [{ query_string: { query: '*' } }] } } },
        {
          query: { match: { 'doc.title.words': 'red' } },
          highlight: {
            fields: { 'doc.title.words': { highlight_query: { query_string: { query: '*' } } } },
          },
        },
        { sort: [{ 'doc.count': { nested: { path: 'doc', filter: { match_all: {} } } } }] },
        {
          query: {
            terms: { 'doc.title': { index: `${prefix}.scoped.v2`, id: 'a', path: 'doc.title' } },
          },
        },
        { query: { script_score: { query: { match_all: {} }, script: { source: '1' } } } },
        { query: { term: { 'tr.deleted': true }, match_all: {} } },
        { aggs: { all: { global: {}, aggs: { n: { value_count: { field: 'tr.key' } } } } } },
        { aggs: { s: { sum: { script: { source: '1' } } } } },
        { aggs: { t: { terms: { field: 'doc.status' }, aggs: { h: { top_hits: {} } } } } },
        { aggs: { f: { filters: { filters: { x: { regexp: { 'doc.title': '.*' } } } } } } },
        { sort: [{ _script: { type: 'number', script: { source: '1' } } }] },
        { size: 1_001 },
      ]
      for (const request of requests)
        await expect(search.search(request), JSON.stringify(request)).rejects.toMatchObject({
          code: 'READ_UNSUPPORTED',
        })
      const deleted = await search.search({ query: { term: { 'tr.deleted': true } }, total: true })
      expect(deleted.total).toBe(0)
      await expect(search.search({ query: { term: {} } })).rejects.toMatchObject({
        code: 'READ_UNSUPPORTED',
      })
    })
  })
}

test('the reader of another store has no search of this one', () => {
  expect(() => searchOf({})).toThrow(expect.objectContaining({ code: 'READ_UNSUPPORTED' }))
  const other = { native: { store: 'other', client: {} } }
  expect(() => searchOf(other)).toThrow(/got one of other/)
})
