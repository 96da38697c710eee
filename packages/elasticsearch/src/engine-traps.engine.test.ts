import { isTailraceError, type DocumentReader, type ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, expect, test } from 'vitest'
import { batch, history, item, itemsProjection, put, type Item } from '../test/items.ts'
import { freshPrefix, raw, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch, type ElasticsearchOptions } from './index.ts'

/** What these engines do that a read model must not notice. */
for (const engine of searchEngines) {
  engine.describe(`the traps of ${engine.name}`, () => {
    const prefix = freshPrefix()
    const opened: ReadStore[] = []
    const store = (over: Partial<ElasticsearchOptions> = {}) => {
      const one = elasticsearch({ url: engine.url, prefix, refreshIntervalMs: 3_600_000, ...over })
      opened.push(one)
      return one
    }
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()))
    })
    afterAll(() => removeIndices(engine.url, prefix))
    const ask = (method: string, path: string, body?: unknown) =>
      raw(engine.url, method, path, body)
    const settings = (index: string, body: object) => ask('PUT', `/${index}/_settings`, body)

    test('a deletion keeps older writers out for longer than the engine remembers one by itself', async () => {
      const version = await store().open(itemsProjection('gc'), history)
      const index = `${prefix}.gc.v1`
      await settings(index, { index: { gc_deletes: '100ms' } })
      await version.apply(
        batch(undefined, 3n, [put('a', item('a'), 2n), put('probe', item('p'), 3n)]),
      )
      await version.apply(batch(3n, 9n, [put('a', null, 9n)]))
      await ask('DELETE', `/${index}/_doc/probe?version=9&version_type=external`)
      const older = { tr: { key: 'probe', position: '5' } }
      await expect
        .poll(
          async () => {
            await ask('POST', `/${index}/_refresh`)
            return (await ask('PUT', `/${index}/_doc/probe?version=5&version_type=external`, older))
              .status
          },
          { timeout: 30_000 },
        )
        .toBe(201)
      await version.apply({ ...batch(9n, 9n, [put('a', item('zombie'), 5n)]), moves: [] })
      expect((await version.load(['a'])).get('a')).toEqual({ document: null, position: 9n })
    })

    test('documents with thousands of different properties add no field to the index', async () => {
      const version = await store().open(itemsProjection('explosion'), history)
      const fields = async () =>
        JSON.stringify((await ask('GET', `/${prefix}.explosion.v1/_mapping`)).body)
      const before = await fields()
      const numbers = [...Array(100).keys()]
      const odd = Array.from({ length: 50 }, (_, i) => ({
        ...item(`odd ${i}`),
        ...Object.fromEntries(numbers.map((n) => [`p${i}.${n}`, { [`q${n}`]: n }])),
        count: i % 2 === 0 ? 'not a number' : { deep: [1] },
      }))
      await version.apply(
        batch(
          undefined,
          50n,
          odd.map((one, i) => put(`k${i}`, one, BigInt(i + 1))),
        ),
      )
      expect(await fields()).toBe(before)
      const found = await version.load(['k0', 'k1', 'k49'])
      expect(found.get('k0')?.document).toEqual(odd[0])
      expect(found.get('k1')?.document).toEqual(odd[1])
      expect(found.get('k49')?.document).toEqual(odd[49])
    })

    test('one document that the engine refuses is named, and the others of its batch are written', async () => {
      const version = await store().open(itemsProjection('refused'), history)
      let deep: unknown = []
      for (let i = 0; i < 1_500; i++) deep = [deep]
      const changes = [
        put('a', item('a'), 1n),
        put('deep', { ...item('deep'), deep }, 2n),
        put('b', item('b'), 3n),
      ]
      const error = await version.apply(batch(undefined, 3n, changes)).catch((one: unknown) => one)
      expect(error).toMatchObject({ code: 'DOCUMENT_UNSTORABLE', details: { key: 'deep' } })
      expect((await version.checkpoints()).size).toBe(0)
      expect([...(await version.load(['a', 'deep', 'b'])).keys()]).toEqual(['a', 'b'])
    })

    test('a full disk makes the worker wait, says so, and nothing is lost when there is space again', async () => {
      const version = await store().open(itemsProjection('flood'), history)
      await version.apply(batch(undefined, 1n, [put('a', item('a'), 1n)]))
      for (const index of [`${prefix}.flood.v1`, `${prefix}.flood.v1.state`]) {
        await settings(index, { index: { blocks: { read_only_allow_delete: true } } })
        const error = await version
          .apply(batch(1n, 2n, [put('a', item('a2'), 2n), put('b', item('b'), 2n)]))
          .catch((one: unknown) => one)
        expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
        expect((error as Error).message).toMatch(/full disk/)
        expect((await version.checkpoints()).get(0)?.position).toBe(1n)
        await settings(index, { index: { blocks: { read_only_allow_delete: null } } })
      }
      await version.apply(batch(1n, 2n, [put('a', item('a2'), 2n), put('b', item('b'), 2n)]))
      expect((await version.load(['a', 'b'])).size).toBe(2)
      expect((await version.checkpoints()).get(0)?.position).toBe(2n)
    })

    test('an index that another process dropped is not made anew by a write', async () => {
      const version = await store().open(itemsProjection('dropped'), history)
      await version.apply(batch(undefined, 1n, [put('a', item('a'), 1n)]))
      await store().drop('dropped', 1)
      await expect(version.apply(batch(1n, 2n, [put('b', item('b'), 2n)]))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      })
      const { body } = await ask('GET', `/_cat/indices/${prefix}.dropped*?format=json&h=index`)
      expect(body).toEqual([])
    })

    test('readers by the alias see one version at a time while it is switched, and no deletions', async () => {
      const one = store()
      for (const n of [1, 2]) {
        const version = await one.open(itemsProjection('switched', n), history)
        const changes = [put('a', item(`v${n}`), 1n), put('b', null, 2n)]
        await version.apply(batch(undefined, 2n, changes))
        await version.makeVisible!()
      }
      await one.switchTo('switched', 1)
      let switching = true
      const counts = new Set<number>()
      const reading = (async () => {
        while (switching) {
          const { body } = await ask('GET', `/${prefix}.switched/_count`)
          counts.add(body.count as number)
        }
      })()
      for (let n = 0; n < 20; n++) await one.switchTo('switched', (n % 2) + 1)
      switching = false
      await reading
      expect([...counts]).toEqual([1])
      expect(await one.liveVersion('switched')).toBe(2)
      const { body } = await ask('GET', `/${prefix}.switched/_search`)
      expect(body.hits.hits).toMatchObject([{ _source: { doc: { title: 'v2' } } }])
    })

    test('documents without a number are paged through like all others', async () => {
      const version = await store().open(itemsProjection('missing'), history)
      const changes = Array.from({ length: 30 }, (_, i) => {
        const { count: removed, ...bare } = item(`t${i}`)
        expect(removed).toBe(1)
        return put(
          `k${String(i).padStart(2, '0')}`,
          i % 3 === 0 ? bare : { ...bare, count: i % 4 },
          BigInt(i + 1),
        )
      })
      await version.apply(batch(undefined, 30n, changes))
      await version.makeVisible!()
      const reader = version.reader() as unknown as DocumentReader<Item>
      for (const direction of ['asc', 'desc'] as const) {
        const titles: string[] = []
        let after: string | undefined
        do {
          const page = await reader.find({
            sort: [['count', direction]],
            limit: 7,
            ...(after === undefined ? {} : { after }),
          })
          titles.push(...page.items.map(({ title }) => title))
          after = page.next
        } while (after !== undefined)
        expect(new Set(titles).size).toBe(30)
        expect(titles).toHaveLength(30)
        const bare = direction === 'asc' ? titles.slice(-10) : titles.slice(0, 10)
        expect(bare.every((title) => Number(title.slice(1)) % 3 === 0)).toBe(true)
      }
    })

    test('a page that ends with long texts has a next one', async () => {
      const version = await store().open(itemsProjection('long'), history)
      const status = '\u0001'.repeat(8_191)
      const titles = ['a', 'b', 'c'].map((letter) => letter + '\u0001'.repeat(8_190))
      const changes = titles.map((title) => put(title[0]!, item(title, { status }), 1n))
      await version.apply(batch(undefined, 1n, changes))
      await version.makeVisible!()
      const reader = version.reader() as unknown as DocumentReader<Item>
      const sort = [
        ['status', 'asc'],
        ['title', 'asc'],
      ] as const
      const { next } = await reader.find({ sort, limit: 1 })
      const rest = await reader.find({ sort, after: next! })
      expect(rest.items.map(({ title }) => title[0])).toEqual(['b', 'c'])
    })

    test('a cursor that was made up is refused, or answered as any other', async () => {
      const version = await store().open(itemsProjection('forged'), history)
      await version.apply(
        batch(undefined, 1n, [put('a', item('a'), 1n), put('b', item('b', { count: 2 }), 1n)]),
      )
      await version.makeVisible!()
      const reader = version.reader() as unknown as DocumentReader<Item>
      const texts = '2026-02-30|9999-99-99|x||\0|\ud800|1e999|NaN|-1|{{ctx}}'.split('|')
      const numbers = [2 ** 53, 2 ** 53 - 1, -(2 ** 53), 2 ** 63, 1e308, 0.1, -0]
      const odd = [...texts, 'x'.repeat(40_000), ...numbers, true, null, [], ['1'], {}]
      for (const field of ['title', 'count', 'at'] as const)
        for (const value of odd)
          for (const place of [1, 2]) {
            const sort = [[field, 'asc']] as const
            const { next } = await reader.find({ sort, limit: 1 })
            const cursor = JSON.parse(Buffer.from(next!, 'base64url').toString()) as unknown[]
            const forged = JSON.stringify(cursor.with(place, value))
            const answer = await reader
              .find({ sort, after: Buffer.from(forged).toString('base64url') })
              .then(
                () => 'answered',
                (error: { code?: unknown }) => String(error.code),
              )
            expect(answer, forged.slice(0, 200)).toMatch(/^(answered|CURSOR_INVALID)$/)
          }
    })

    test('ids that a path would change are keys like all others', async () => {
      const version = await store().open(itemsProjection('ids'), history)
      const keys = [
        '.',
        '..',
        '%2e%2e',
        'a/../b',
        '_all',
        '*',
        '\0',
        '\ud800',
        '\udfff',
        '€'.repeat(512),
      ]
      await version.apply(
        batch(
          undefined,
          1n,
          keys.map((key) => put(key, item(key.slice(0, 3)), 1n)),
        ),
      )
      const found = await version.load(keys)
      expect([...found.keys()]).toEqual(keys)
      const dumped: string[] = []
      for await (const page of version.dump()) dumped.push(...page.map(({ key }) => key))
      expect(new Set(dumped)).toEqual(new Set(keys))
    })

    test('answers that would be too large are asked for in parts, and refused where they cannot be', async () => {
      const one = store({ answerBytes: 300_000 })
      const version = await one.open(itemsProjection('large'), history)
      const large = 'x'.repeat(50_000)
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
      await version.apply(
        batch(
          undefined,
          1n,
          keys.map((key) => put(key, { ...item(key), large }, 1n)),
        ),
      )
      expect((await version.load(keys)).size).toBe(20)
      let dumped = 0
      for await (const page of version.dump()) dumped += page.length
      expect(dumped).toBe(20)
      const reader = version.reader() as unknown as DocumentReader<Item>
      await expect(reader.find({ limit: 20 })).rejects.toSatisfy(
        (error) => isTailraceError(error) && error.code === 'READ_UNSUPPORTED',
      )
      expect((await reader.find({ limit: 3 })).items).toHaveLength(3)
    })

    test('a single node has every index green, also after a load in bulk', async () => {
      const version = await store().open(itemsProjection('green'), history)
      async function* pages() {
        yield [put('a', item('a'), 1n)]
      }
      await version.bulkLoad(pages(), batch(undefined, 5n).moves)
      const { body } = await ask('GET', `/_cluster/health/${prefix}.green.*,${prefix}.green.v1`)
      expect(body).toMatchObject({ status: 'green' })
      const index = await ask('GET', `/${prefix}.green.v1/_settings`)
      expect(index.body[`${prefix}.green.v1`].settings.index).toMatchObject({
        refresh_interval: '3600000ms',
        auto_expand_replicas: '0-1',
      })
    })
  })
}
