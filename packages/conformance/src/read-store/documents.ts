import assert from 'node:assert/strict'
import type { DocumentChange, ReadStore, StoredDocument } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample, schemaOf } from './sample.ts'

/** Documents that stores tend to give back changed. */
const odd: Readonly<Record<string, unknown>> = {
  plain: item('plain'),
  optional: item('optional', { hint: '' }),
  nulls: item('nulls', { note: 'not null' }),
  offset: item('offset', { at: '2026-01-02T03:04:05.123456+02:00' }),
  seconds: item('seconds', { at: '2026-01-02T03:04:05Z' }),
  shouting: item('shouting', { owner: '01890A5D-AC96-774B-BCCE-B302099A8057' }),
  largest: item('largest', { count: Number.MAX_SAFE_INTEGER, ratio: 1e308 }),
  smallest: item('smallest', { count: Number.MIN_SAFE_INTEGER, ratio: 5e-324 }),
  unicode: item('unicode', {
    title: 'Ünïcödé 🫖 \u{1F469}\u200D\u{1F680}',
    tags: ['"', '\\', '\n', '\t', '{}', 'NULL', ''],
  }),
  nul: item('nul', { title: 'a\0b', tags: ['\0'] }),
  nested: item('nested', {
    lines: Array.from({ length: 50 }, (_, i) => ({ sku: `sku "${i}"`, quantity: i })),
  }),
  partial: { id: 'partial' },
  undeclared: { ...item('undeclared'), more: { deep: [1, null, { a: 'b' }] } },
}

/** Keys that have a document: a deletion may be remembered. */
function presentKeys(found: ReadonlyMap<string, StoredDocument>): string[] {
  return [...found].flatMap(([key, { document }]) => (document === null ? [] : [key]))
}

export const documentRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'documents come back exactly as they were written',
    async run(store) {
      const opened = await store.open(sample('odd'), history)
      await opened.apply(
        batch(
          move(undefined, 1n),
          Object.entries(odd).map(([key, document]) => put(key, document, 1n)),
        ),
      )
      const found = await opened.load(Object.keys(odd))
      for (const [key, document] of Object.entries(odd))
        assert.deepStrictEqual(found.get(key)?.document, document, key)
    },
  },
  {
    name: 'documents without a declared shape come back too',
    async run(store) {
      const opened = await store.open(sample('shapeless', 1, { schema: schemaOf({}) }), history)
      const values: Record<string, unknown> = {
        text: 'just text',
        number: 4.5,
        list: [1, [2], {}],
        object: { a: { b: null } },
        no: false,
      }
      await opened.apply(
        batch(
          move(undefined, 1n),
          Object.entries(values).map(([key, document]) => put(key, document, 1n)),
        ),
      )
      const found = await opened.load(Object.keys(values))
      for (const [key, document] of Object.entries(values))
        assert.deepStrictEqual(found.get(key)?.document, document, key)
    },
  },
  {
    name: 'keys are any text',
    async run(store) {
      const keys = [
        'a',
        'A',
        ' a',
        'ä',
        '🫖',
        "it's",
        'a"b',
        'a\\b',
        'a/b',
        'a:b',
        '__proto__',
        'constructor',
        'x'.repeat(512),
        '€'.repeat(170),
      ]
      const opened = await store.open(sample('keys'), history)
      await opened.apply(
        batch(
          move(undefined, 1n),
          keys.map((key) => put(key, item(key), 1n)),
        ),
      )
      const found = await opened.load([...keys, 'absent'])
      assert.equal(found.size, keys.length)
      for (const key of keys) assert.deepEqual(found.get(key)?.document, item(key), key)
    },
  },
  {
    name: 'null deletes, and a deleted key can come back',
    async run(store) {
      const opened = await store.open(sample('deleted'), history)
      await opened.apply(
        batch(move(undefined, 2n), [put('a', item('a'), 1n), put('b', item('b'), 2n)]),
      )
      await opened.apply(batch(move(2n, 4n), [put('a', null, 3n), put('never', null, 4n)]))
      assert.deepEqual(presentKeys(await opened.load(['a', 'b', 'never'])), ['b'])
      await opened.apply(batch(move(4n, 5n), [put('a', item('a', { count: 2 }), 5n)]))
      assert.deepEqual((await opened.load(['a'])).get('a')?.document, item('a', { count: 2 }))
    },
  },
  {
    name: 'a batch of 5,000 documents is one batch',
    async run(store) {
      const opened = await store.open(sample('many'), history)
      const keys = Array.from({ length: 5_000 }, (_, i) => `k${i}`)
      await opened.apply(
        batch(
          move(undefined, 5_000n),
          keys.map((key, i) => put(key, item(key, { count: i }), BigInt(i + 1))),
        ),
      )
      await opened.apply(
        batch(
          move(5_000n, 10_000n),
          keys.map((key, i) =>
            put(key, i % 2 === 0 ? null : item(key, { count: -i }), BigInt(i + 5_001)),
          ),
        ),
      )
      const found = await opened.load(keys)
      assert.equal(presentKeys(found).length, 2_500)
      assert.equal((found.get('k4999')!.document as { count: number }).count, -4_999)
    },
  },
  {
    name: 'dump gives every document once, in the order of keys',
    async run(store) {
      const opened = await store.open(sample('dumped'), history)
      const keys = Array.from({ length: 2_345 }, (_, i) => `k${String(i).padStart(5, '0')}`)
      await opened.apply(
        batch(
          move(undefined, 1n),
          keys.toReversed().map((key) => put(key, item(key), 1n)),
        ),
      )
      const dumped: string[] = []
      for await (const page of opened.dump()) {
        for (const { key, document } of page) {
          dumped.push(key)
          assert.deepEqual(document, item(key))
        }
      }
      assert.deepEqual(dumped, keys)
    },
  },
  {
    name: 'bulk loading fills an empty version with its checkpoints, once',
    async run(store) {
      const opened = await store.open(sample('bulk'), history)
      const keys = Array.from({ length: 3_000 }, (_, i) => `k${i}`)
      async function* pages() {
        for (let i = 0; i < keys.length; i += 700)
          yield keys
            .slice(i, i + 700)
            .map((key) => put(key, item(key, { title: 'tab\there \\N \n' }), 40n))
        yield Object.entries(odd).map(([key, document]) => put(key, document, 41n))
      }
      await opened.bulkLoad(pages(), [
        move(undefined, 50n),
        move(undefined, 50n, { range: 1, slots: { from: 64, to: 255 } }),
      ])
      assert.deepEqual(
        [...(await opened.checkpoints()).values()].map((one) => one.position),
        [50n, 50n],
      )
      const found = await opened.load([...keys, ...Object.keys(odd)])
      assert.equal(found.size, keys.length + Object.keys(odd).length)
      for (const [key, document] of Object.entries(odd))
        assert.deepStrictEqual(found.get(key), { document, position: 41n }, key)
      await opened.apply(batch(move(50n, 60n), [put('k1', item('k1', { count: 2 }), 60n)]))
      assert.deepEqual((await opened.load(['k1'])).get('k1')?.document, item('k1', { count: 2 }))
      // Also one that another loader began a moment ago: a worker that is refused looks again, and follows it.
      for (const fence of [0n, 1n, 9n])
        await refuses(
          opened.bulkLoad(pages(), [move(undefined, 50n, { fence })]),
          'PROJECTION_FENCED',
        )
    },
  },
  {
    name: 'a bulk load of nothing begins every range, and takes away what an earlier one has left',
    async run(store) {
      const opened = await store.open(sample('begun'), history)
      const ranges = (to: bigint) => [
        move(undefined, to, { slots: { from: 0, to: 63 } }),
        move(undefined, to, { range: 1, slots: { from: 64, to: 255 } }),
      ]
      async function* broken() {
        yield [put('left', item('left'), 7n)]
        throw new Error('broke off')
      }
      await assert.rejects(opened.bulkLoad(broken(), ranges(9n)), /broke off/)
      async function* nothing(): AsyncGenerator<readonly DocumentChange[]> {}
      await opened.bulkLoad(nothing(), ranges(0n))
      assert.deepEqual(
        [...(await opened.checkpoints()).values()].map((one) => one.position),
        [0n, 0n],
      )
      assert.equal((await opened.load(['left'])).size, 0)
      await opened.apply(
        batch(move(0n, 5n, { slots: { from: 0, to: 63 } }), [put('a', item('a'), 5n)]),
      )
      assert.deepEqual([...(await opened.load(['a', 'left'])).keys()], ['a'])
    },
  },
  {
    name: 'of two bulk loads at once one is refused, and nothing of it is left',
    async run(store) {
      const opened = await store.open(sample('two-loads'), history)
      const reached = signal()
      const goOn = signal()
      async function* first() {
        yield [put('first', item('first'), 1n)]
        reached.give()
        await goOn.given
        // More than a store collects before it writes, and the end of it.
        for (let i = 0; i < 5; i++) yield [put(`late-${i}`, item(`late-${i}`), 2n)]
      }
      async function* second() {
        // Where the first one holds the version, this waits until that one has ended.
        goOn.give()
        yield [put('second', item('second'), 3n)]
      }
      const loads = [opened.bulkLoad(first(), [move(undefined, 50n, { fence: 3n })])]
      await reached.given
      const other = await store.open(sample('two-loads'), history)
      loads.push(other.bulkLoad(second(), [move(undefined, 60n, { fence: 3n })]))
      const waits = setTimeout(goOn.give, 2_000)
      const [one, two] = await Promise.allSettled(loads)
      clearTimeout(waits)
      assert.notEqual(one!.status, two!.status)
      const wanted =
        one!.status === 'fulfilled'
          ? ['first', ...Array.from({ length: 5 }, (_, i) => `late-${i}`)]
          : ['second']
      const found: string[] = []
      for await (const page of opened.dump()) found.push(...page.map(({ key }) => key))
      assert.deepEqual(found, wanted)
      const position = one!.status === 'fulfilled' ? 50n : 60n
      assert.equal((await opened.checkpoints()).get(0)?.position, position)
    },
  },
  {
    name: 'a bulk load whose source fails leaves the version as if it had never started',
    async run(store) {
      const opened = await store.open(sample('failing'), history)
      async function* pages() {
        yield [put('a', item('a'), 1n)]
        throw new Error('the source failed')
      }
      await assert.rejects(opened.bulkLoad(pages(), [move(undefined, 50n)]), /the source failed/)
      assert.equal((await opened.checkpoints()).size, 0)
      async function* again() {
        yield [put('b', item('b'), 1n)]
      }
      await opened.bulkLoad(again(), [move(undefined, 50n)])
      assert.deepEqual([...(await opened.load(['a', 'b'])).keys()], ['b'])
    },
  },
]

function signal(): { readonly given: Promise<void>; give(): void } {
  let give!: () => void
  const given = new Promise<void>((resolve) => (give = resolve))
  return { given, give }
}
