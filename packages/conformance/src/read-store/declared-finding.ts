import assert from 'node:assert/strict'
import type { DocumentReader, FindOptions, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample, type Item } from './sample.ts'

const statuses = ['placed', 'paid', 'shipped']
const lookup = {
  by: [
    ['status', 'at'],
    ['status'],
    ['open', 'status', 'count'],
    ['at'],
    ['ratio'],
    ['note'],
    ['tags'],
  ],
}

/** Items whose fields repeat, so that pages end inside groups of equals; some keys end in the same letters. */
function items(): Item[] {
  return Array.from({ length: 90 }, (_, i) =>
    item(`i${String(i).padStart(3, '0')}`, {
      count: (i % 7) - 3,
      ratio: ((i % 5) - 2) * 1.5,
      open: i % 2 === 0,
      status: statuses[i % 3]!,
      note: i % 4 === 0 ? null : `note ${i % 6}`,
      tags: i % 10 === 0 ? [] : [`t${i % 4}`, 'common'],
      at: new Date(Date.parse('2026-01-01T00:00:00.000Z') + (i % 11) * 3_600_000).toISOString(),
    }),
  )
}

interface Opened {
  readonly store: ProjectionStore
  readonly find: DocumentReader<Item>['find']
  readonly ids: (options: FindOptions<Item>) => Promise<string[]>
}

async function withItems(store: ReadStore, name: string): Promise<Opened> {
  const opened = await store.open(sample(name, 1, { lookup: lookup as never }), history)
  await opened.apply(
    batch(
      move(undefined, 500n),
      items().map((one, i) => put(one.id, one, BigInt(i + 1))),
    ),
  )
  await opened.makeVisible?.()
  const reader = opened.reader() as unknown as DocumentReader<Item>
  return {
    store: opened,
    find: (options) => reader.find(options),
    ids: async (options) => idsOf((await reader.find({ limit: 1_000, ...options })).items),
  }
}

function idsOf(found: readonly Item[]): string[] {
  return found.map((one) => one.id)
}

/** Ids of some items by a field and then by key, both in one direction. */
function ordered(
  of: readonly Item[],
  by: ((one: Item) => string | number) | undefined,
  direction: 'asc' | 'desc' = 'asc',
): string[] {
  const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)
  const sorted = of.toSorted(
    (a, b) => (by === undefined ? 0 : compare(by(a), by(b))) || compare(a.id, b.id),
  )
  return idsOf(direction === 'asc' ? sorted : sorted.toReversed())
}

/** What every store with `find` serves from declared lookups, and what one that serves nothing else refuses. */
export const declaredFindRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'a declared lookup serves its equal values, with the sort that follows them',
    async run(store) {
      const { ids } = await withItems(store, 'declared')
      const all = items()
      const paid = all.filter((one) => one.status === 'paid')
      assert.deepEqual(await ids({}), ordered(all, undefined))
      assert.deepEqual(await ids({ where: { status: 'paid' } }), ordered(paid, undefined))
      for (const direction of ['asc', 'desc'] as const) {
        assert.deepEqual(
          await ids({ where: { status: 'paid' }, sort: [['at', direction]] }),
          ordered(paid, (one) => one.at, direction),
        )
        assert.deepEqual(
          await ids({ sort: [['ratio', direction]] }),
          ordered(all, (one) => one.ratio, direction),
        )
        assert.deepEqual(
          await ids({ where: { status: 'paid', open: true }, sort: [['count', direction]] }),
          ordered(
            paid.filter((one) => one.open),
            (one) => one.count,
            direction,
          ),
        )
      }
    },
  },
  {
    name: 'a declared lookup serves ranges of the field that follows its equal values',
    async run(store) {
      const { ids } = await withItems(store, 'declared-ranges')
      const all = items()
      assert.deepEqual(
        await ids({ where: { ratio: { gt: -1.5, lte: 1.5 } }, sort: [['ratio', 'asc']] }),
        ordered(
          all.filter((one) => one.ratio > -1.5 && one.ratio <= 1.5),
          (one) => one.ratio,
        ),
      )
      assert.deepEqual(
        await ids({
          where: {
            status: 'paid',
            at: { gte: '2026-01-01T05:00:00+02:00', lt: '2026-01-01T08:00:00Z' },
          },
          sort: [['at', 'desc']],
        }),
        ordered(
          all.filter(
            (one) =>
              one.status === 'paid' &&
              one.at >= '2026-01-01T03:00:00.000Z' &&
              one.at < '2026-01-01T08:00:00.000Z',
          ),
          (one) => one.at,
          'desc',
        ),
      )
    },
  },
  {
    name: 'a declared lookup serves lists of values, absent values, and lists that contain',
    async run(store) {
      const { ids, find } = await withItems(store, 'declared-lists')
      const all = items()
      const late = all.filter((one) => one.status !== 'placed')
      assert.deepEqual(
        await ids({ where: { status: ['paid', 'shipped', 'paid'] }, sort: [['at', 'desc']] }),
        ordered(late, (one) => one.at, 'desc'),
      )
      assert.equal(
        (await find({ where: { status: ['paid', 'shipped'] }, total: true, limit: 1 })).total,
        late.length,
      )
      assert.deepEqual(await ids({ where: { status: [] } }), [])
      const noted = (note: string | null) => idsOf(all.filter((one) => one.note === note))
      assert.deepEqual(await ids({ where: { note: null } }), noted(null))
      assert.deepEqual(await ids({ where: { note: 'note 1' } }), noted('note 1'))
      assert.deepEqual(
        await ids({ where: { tags: { has: 't2' } } }),
        idsOf(all.filter((one) => one.tags.includes('t2'))),
      )
      for (const value of ["' or true --", '\0', '\ud800', '*', '\u{10ffff}', '1'.repeat(5_000)]) {
        assert.deepEqual(await ids({ where: { status: value } }), [])
        assert.deepEqual(await ids({ where: { tags: { has: value } } }), [])
      }
    },
  },
  {
    name: 'pages of a declared lookup give every match once, in order, with the total',
    async run(store) {
      const { find, ids } = await withItems(store, 'declared-pages')
      const questions: FindOptions<Item>[] = [
        {},
        { where: { status: 'paid' } },
        { where: { status: 'paid' }, sort: [['at', 'desc']] },
        { where: { status: ['paid', 'placed'] }, sort: [['at', 'asc']] },
        { sort: [['ratio', 'desc']], where: { ratio: { lt: 3 } } },
        {
          where: { open: true },
          sort: [
            ['status', 'asc'],
            ['count', 'asc'],
          ],
        },
      ]
      for (const question of questions) {
        const all = await ids(question)
        const paged: string[] = []
        let after: string | undefined
        do {
          const page = await find({
            ...question,
            limit: 7,
            total: true,
            ...(after === undefined ? {} : { after }),
          })
          assert.equal(page.total, all.length)
          paged.push(...idsOf(page.items))
          after = page.next
        } while (after !== undefined)
        assert.deepEqual(paged, all, JSON.stringify(question))
      }
      const { next } = await find({ where: { status: 'paid' }, sort: [['at', 'asc']], limit: 5 })
      await refuses(
        find({ where: { status: 'paid' }, sort: [['at', 'desc']], after: next! }),
        'CURSOR_INVALID',
      )
      for (const after of ['', 'x', btoa('[]'), btoa('["a","b"]'), 'A'.repeat(10_000)])
        await refuses(
          find({ where: { status: 'paid' }, sort: [['at', 'asc']], after }),
          'CURSOR_INVALID',
        )
    },
  },
  {
    name: 'a lookup follows documents that change, go and come back',
    async run(store) {
      const { store: opened, ids, find } = await withItems(store, 'declared-changes')
      const [first, second, third] = items().filter((one) => one.status === 'paid')
      await opened.apply(
        batch(move(500n, 510n), [
          put(first!.id, { ...first!, status: 'shipped' }, 501n),
          put(second!.id, null, 502n),
          put(third!.id, { ...third!, at: '2027-01-01T00:00:00.000Z' }, 503n),
        ]),
      )
      await opened.makeVisible?.()
      const paid = await ids({ where: { status: 'paid' }, sort: [['at', 'asc']] })
      assert.equal(paid.includes(first!.id), false)
      assert.equal(paid.includes(second!.id), false)
      assert.equal(paid.at(-1), third!.id)
      assert.equal((await find({ where: { status: 'paid' }, total: true })).total, 28)
      assert.equal((await ids({ where: { status: 'shipped' } })).includes(first!.id), true)
      await opened.apply(batch(move(510n, 520n), [put(second!.id, second, 511n)]))
      await opened.makeVisible?.()
      assert.equal((await ids({ where: { status: 'paid' } })).includes(second!.id), true)
      assert.equal((await find({ total: true })).total, 90)
    },
  },
  {
    name: 'facets of a declared lookup count the values that follow its equal values',
    async run(store) {
      if (!store.capabilities.facets) return
      const { find } = await withItems(store, 'declared-facets')
      const open = items().filter((one) => one.open)
      const found = await find({
        where: { open: true, status: 'paid' },
        sort: [['count', 'asc']],
        facets: ['status', 'count'],
        limit: 3,
      })
      const countBy = (of: readonly Item[], field: 'status' | 'count') =>
        Object.fromEntries(
          [...Map.groupBy(of, (one) => String(one[field]))].map(([value, some]) => [
            value,
            some.length,
          ]),
        )
      assert.deepEqual(found.facets['status'], countBy(open, 'status'))
      assert.deepEqual(
        found.facets['count'],
        countBy(
          open.filter((one) => one.status === 'paid'),
          'count',
        ),
      )
      const tags = (await find({ facets: ['tags'], limit: 1 })).facets['tags']!
      assert.equal(tags['common'], 81)
    },
  },
  {
    name: 'a store that serves declared lookups alone refuses all else, and never answers wrongly',
    async run(store) {
      const { find } = await withItems(store, 'undeclared')
      await refuses(find({ where: { titel: 'x' } as never }), 'READ_UNSUPPORTED')
      await refuses(find({ sort: [['lines', 'asc']] }), 'READ_UNSUPPORTED')
      for (const limit of [0, 1_001, 1.5]) await refuses(find({ limit }), 'READ_UNSUPPORTED')
      if (store.capabilities.find !== 'declared') return
      const refused: FindOptions<Item>[] = [
        { where: { title: 'x' } },
        { sort: [['count', 'asc']] },
        { where: { status: 'paid' }, sort: [['count', 'asc']] },
        { where: { status: { not: 'paid' } } },
        { where: { any: [{ status: 'paid' }] } },
        { where: { status: 'paid', at: { lt: '2026-01-02T00:00:00Z' } } },
        { where: { status: 'paid' }, sort: [['at', 'asc']], facets: ['title'] },
        {
          sort: [
            ['status', 'asc'],
            ['at', 'desc'],
          ],
        },
        { text: 'red kettle' },
      ]
      for (const question of refused) await refuses(find(question), 'READ_UNSUPPORTED')
    },
  },
]
