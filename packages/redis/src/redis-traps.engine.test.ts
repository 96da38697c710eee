import { randomUUID } from 'node:crypto'
import { event, projection, sqlProjection } from 'tailrace'
import type {
  ApplyBatch,
  DocumentChange,
  DocumentReader,
  ProjectionStore,
  ReadStore,
} from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { engine } from '../../../test/support/engines.ts'
import { runOn } from '../test/own-server.ts'
import { redis } from './index.ts'

const server = engine('redis')
const prefix = `traps-${randomUUID().slice(0, 8)}`
const history = '00000000000000aa/1'

const Happened = event('Happened', z.object({}))
const document = z.object({
  city: z.string(),
  tags: z.array(z.string()),
  others: z.array(z.string()),
  size: z.int(),
  inner: z.object({ a: z.int() }),
})
const base = {
  version: 1,
  from: [Happened],
  document,
  key: (e: { stream: string }) => e.stream,
  on: { Happened: () => null },
} as const
const Plain = projection('plain', base)
const Listed = projection('listed', { ...base, lookup: { by: [['city', 'size'], ['tags']] } })

function put(key: string, position: bigint, over: object = {}): DocumentChange {
  const whole = { city: 'Oslo', tags: [], others: [], size: 1, inner: { a: 1 }, ...over }
  return { key, position, document: whole }
}

function batchOf(
  from: bigint | undefined,
  to: bigint,
  changes: readonly DocumentChange[],
  slots = { from: 0, to: 255 },
): ApplyBatch {
  return { moves: [{ range: 0, slots, fence: 1n, from, to }], changes, rows: [], park: [] }
}

function run(...command: string[]): Promise<unknown> {
  return runOn(server.url, command)
}

server.describe('traps of Redis', () => {
  let store: ReadStore
  beforeAll(() => {
    store = redis({ url: server.url, prefix })
  })
  afterAll(async () => {
    await store.close()
    for (const key of (await run('KEYS', `${prefix}*`)) as string[]) await run('UNLINK', key)
  })

  test('scripts that the server forgot are sent again, and nothing is lost or done twice', async () => {
    const opened = await store.open(Plain, history)
    await opened.apply(batchOf(undefined, 1n, [put('a', 1n)]))
    await run('SCRIPT', 'FLUSH')
    await opened.apply(batchOf(1n, 2n, [put('a', 2n)]))
    expect((await opened.load(['a'])).get('a')?.position).toBe(2n)
  })

  test('a large batch goes in several scripts, none of which runs long, and its checkpoint comes last', async () => {
    const opened = await store.open({ ...Plain, version: 2 }, history)
    await run('CONFIG', 'RESETSTAT')
    const changes = Array.from({ length: 4_500 }, (_, i) => put(`k${i}`, BigInt(i + 1)))
    await opened.apply(batchOf(undefined, 4_500n, changes))
    const stats = String(await run('INFO', 'commandstats'))
    const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, n]) => Number(n))
    expect(calls.reduce((sum, n) => sum + n)).toBeGreaterThanOrEqual(5)
    // The first part, and so each, is checked against the checkpoint before it writes.
    await expect(
      opened.apply(
        batchOf(
          7n,
          9_000n,
          changes.map((change) => ({ ...change, position: 9_000n })),
        ),
      ),
    ).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
    expect((await opened.load(['k0', 'k4499'])).get('k4499')?.position).toBe(4_500n)
    expect((await opened.load(['k0'])).get('k0')?.position).toBe(1n)
  })

  test('all keys of a projection share a hash tag, so that a cluster keeps them together', async () => {
    const opened = await store.open(Listed, history)
    await opened.apply(batchOf(undefined, 2n, [put('a{b}', 1n, { tags: ['x'] }), put('gone', 2n)]))
    await opened.apply(batchOf(2n, 3n, [{ key: 'gone', document: null, position: 3n }]))
    const keys = (await run('KEYS', `${prefix}:{listed}*`)) as string[]
    expect(keys.length).toBeGreaterThanOrEqual(7)
    expect(new Set(keys.map(hashTag))).toEqual(new Set(['listed']))
  })

  test('deletions are remembered until every range of the projection is far past them, and then forgotten', async () => {
    const opened = await store.open({ ...Plain, version: 3 }, history)
    const remembered = async () => (await opened.load(['gone'])).get('gone')?.document === null
    await opened.apply(batchOf(undefined, 5n, [put('gone', 3n), put('kept', 4n)]))
    await opened.apply(batchOf(5n, 6n, [{ key: 'gone', document: null, position: 6n }]))
    await opened.apply(batchOf(6n, 10_000n, []))
    expect(await remembered()).toBe(true)
    await opened.apply(batchOf(10_000n, 10_007n, []))
    expect(await remembered()).toBe(false)
    expect((await opened.load(['kept', 'gone'])).size).toBe(1)

    // With slots that have not begun, or that are behind, nothing is forgotten.
    const halves = await store.open({ ...Plain, version: 4 }, history)
    await halves.apply(batchOf(undefined, 5n, [put('gone', 4n)], { from: 0, to: 127 }))
    await halves.apply(
      batchOf(5n, 90_000n, [{ key: 'gone', document: null, position: 6n }], { from: 0, to: 127 }),
    )
    await halves.apply(batchOf(90_000n, 90_001n, [], { from: 0, to: 127 }))
    expect((await halves.load(['gone'])).get('gone')).toEqual({ document: null, position: 6n })
  })

  test('keys and documents that are no valid Unicode come back as they were', async () => {
    const opened = await store.open({ ...Plain, version: 5 }, history)
    const half = { ...(put('x', 1n).document as object), city: '\ud800' }
    await opened.apply(
      batchOf(undefined, 1n, [
        { key: 'k\ud800', document: half, position: 1n },
        { key: 'k\ufffd', document: { other: true }, position: 1n },
      ]),
    )
    const found = await opened.load(['k\ud800', 'k\ufffd', 'k\udfff'])
    expect([...found.keys()]).toEqual(['k\ud800', 'k\ufffd'])
    expect(found.get('k\ud800')?.document).toEqual(half)
  })

  test('a document is found by what it comes back as, also where its values are no JSON', async () => {
    const opened = await store.open({ ...Listed, version: 3 }, history)
    const odd: Readonly<Record<string, object>> = {
      function: { city: () => 'Oslo' },
      symbol: { city: Symbol('Oslo') },
      unsaid: { city: { toJSON: () => undefined } },
      date: { city: new Date(0) },
      number: { city: 'Rome', size: Number.NaN },
      list: { city: 'Lima', tags: [() => 1, Symbol('x'), 'x'] },
    }
    const changes = Object.entries(odd).map(([key, over]) => put(key, 1n, over))
    await opened.apply(batchOf(undefined, 1n, changes))
    const reader = opened.reader() as unknown as DocumentReader<{
      city: string | null
      size: number
      tags: string[]
    }>
    for (const [key, over] of Object.entries(odd)) {
      const stored = await reader.get(key)
      expect(stored).toEqual(JSON.parse(JSON.stringify(put(key, 1n, over).document)))
      const { city, size } = stored!
      const { items } = await reader.find({ where: { city: city ?? null, size: size! } })
      expect(items).toContainEqual(stored)
    }
    expect((await reader.find({ where: { tags: { has: 'x' } } })).items).toHaveLength(1)
  })

  test('a list pages on after long texts and long keys, whatever their letters', async () => {
    const opened = await store.open({ ...Listed, version: 2 }, history)
    // What a cursor writes as it is, and in six letters each; a NUL has two bytes in an entry.
    const cities = ['x'.repeat(60_000), '\u0001'.repeat(60_000), '\0'.repeat(45_000)]
    const changes = cities.flatMap((city, i) => [
      put(`${i}`, 1n, { city }),
      put(`${i}${'k'.repeat(100_000)}`, 1n, { city }),
    ])
    await opened.apply(batchOf(undefined, 1n, changes))
    const reader = opened.reader() as unknown as DocumentReader<z.infer<typeof document>>
    const found: string[] = []
    let after: string | undefined
    do {
      const page = await reader.find({
        sort: [
          ['city', 'asc'],
          ['size', 'asc'],
        ],
        limit: 1,
        ...(after === undefined ? {} : { after }),
      })
      found.push(...page.items.map(({ city }) => city))
      after = page.next
    } while (after !== undefined)
    expect(found).toEqual(cities.toSorted().flatMap((city) => [city, city]))
  })

  test('a version that is dropped while a worker writes to it is left alone by that worker', async () => {
    await store.open(Plain, history)
    const opened = await store.open({ ...Plain, version: 6 }, history)
    const started = opened.apply(batchOf(undefined, 1n, [put('a', 1n)]))
    await started
    await store.drop('plain', 6)
    await expect(opened.apply(batchOf(1n, 2n, [put('a', 2n)]))).rejects.toMatchObject({
      code: 'PROJECTION_FENCED',
    })
    await expect(opened.apply(batchOf(undefined, 2n, [put('a', 2n)]))).rejects.toMatchObject({
      code: 'PROJECTION_FENCED',
    })
    const again = await store.open({ ...Plain, version: 6 }, history)
    await expect(opened.apply(batchOf(undefined, 2n, [put('a', 2n)]))).rejects.toMatchObject({
      code: 'PROJECTION_FENCED',
    })
    expect((await again.load(['a'])).size).toBe(0)
  })

  test('a bulk load that another one overtook writes nothing any more', async () => {
    const opened = await store.open({ ...Plain, version: 7 }, history)
    const gate = Promise.withResolvers<void>()
    async function* slow() {
      yield [put('old', 1n)]
      await gate.promise
      yield [put('late', 2n), put('shared', 1n)]
    }
    const moves = batchOf(undefined, 5n, []).moves
    const overtaken = opened.bulkLoad(slow(), moves)
    await expect.poll(async () => (await opened.load(['old'])).size).toBe(1)
    async function* quick() {
      yield [put('shared', 3n)]
    }
    await opened.bulkLoad(quick(), moves)
    await opened.apply(batchOf(5n, 6n, [put('shared', 6n)]))
    gate.resolve()
    await expect(overtaken).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
    expect([...(await opened.load(['old', 'late', 'shared'])).keys()]).toEqual(['shared'])
    expect((await opened.load(['shared'])).get('shared')?.position).toBe(6n)
  })

  test('an interrupted drop is found and finished, also by another process', async () => {
    const opened = await store.open({ ...Plain, version: 8 }, history)
    const changes = Array.from({ length: 1_200 }, (_, i) => put(`k${i}`, 1n))
    await opened.apply(batchOf(undefined, 1n, changes))
    // What a process leaves that ends after the first step.
    const catalog = `${prefix}:{plain}:versions`
    const incarnation = String(await run('HGET', catalog, 'v8')).split(' ')[0]!
    await run('HSET', catalog, `x${incarnation}`, '8')
    await run('HDEL', catalog, 'v8')
    const other = redis({ url: server.url, prefix })
    expect(await other.versions('plain')).toContain(8)
    await other.drop('plain', 8)
    await other.close()
    expect(await store.versions('plain')).not.toContain(8)
    expect(await run('KEYS', `${prefix}:{plain}:v8.*`)).toEqual([])
  })

  test('shapes and lookups that the store cannot keep are refused at the start', async () => {
    const refused = async (def: Parameters<ReadStore['open']>[0]): Promise<ProjectionStore> =>
      store.open(def, history)
    const code = { code: 'CONFIG' }
    const by = (...lists: (keyof z.infer<typeof document>)[][]) =>
      projection('refused', { ...base, lookup: { by: lists } })
    await expect(refused(by(['inner']))).rejects.toMatchObject(code)
    await expect(refused(by(['tags', 'others']))).rejects.toMatchObject(code)
    await expect(refused(by([]))).rejects.toMatchObject(code)
    await expect(
      refused(projection('refused', { ...base, lookup: { text: ['city'] } })),
    ).rejects.toMatchObject(code)
    await expect(
      refused(
        sqlProjection('refused', {
          version: 1,
          from: [Happened],
          tables: { t: 'a int' },
          on: { Happened: async () => undefined },
        }),
      ),
    ).rejects.toMatchObject(code)
    expect(await store.versions('refused')).toEqual([])
    await store.open(Listed, history)
    const other = projection('listed', { ...base, lookup: { by: [['city']] } })
    await expect(refused(other)).rejects.toThrow(/count its version up/)
  })
})

/** What a cluster hashes: the text between the first braces. */
function hashTag(key: string): string | undefined {
  return /\{([^}]+)\}/.exec(key)?.[1]
}
