import assert from 'node:assert/strict'
import type { DocumentReader, FindOptions, ReadStore } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample, type Item } from './sample.ts'

const statuses = ['placed', 'paid', 'shipped']
const count = 120
const owner = '01890a5d-ac96-774b-bcce-b302099a8057'

/** Items whose fields repeat, so that pages end inside groups of equals. */
function items(): Item[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `i${String(i).padStart(3, '0')}`
    return item(id, {
      count: i % 7,
      ratio: (i % 5) / 4,
      open: i % 2 === 0,
      status: statuses[i % 3]!,
      note: i % 4 === 0 ? null : `note ${i % 6}`,
      ...(i % 5 === 0 ? {} : { hint: `hint ${i % 3}` }),
      tags: i % 10 === 0 ? [] : [`t${i % 4}`, 'common', ...(i % 3 === 0 ? ['common'] : [])],
      owner: i % 2 === 0 ? owner : owner.toUpperCase(),
      at: new Date(Date.parse('2026-01-01T00:00:00.000Z') + (i % 11) * 3_600_000).toISOString(),
      title: i % 3 === 0 ? `Red kettle no. ${i}` : `Blue tea-pot ${i}, large`,
    })
  })
}

type Find = (options: FindOptions<Item>) => ReturnType<DocumentReader<Item>['find']>

async function withItems(store: ReadStore, name: string): Promise<Find> {
  const lookup = { by: [['status', 'at'], ['count'], ['tags']], text: ['title', 'tags'] }
  const opened = await store.open(sample(name, 1, { lookup: lookup as never }), history)
  await opened.apply(
    batch(
      move(undefined, 500n),
      items().map((one, i) => put(one.id, one, BigInt(i + 1))),
    ),
  )
  await opened.makeVisible?.()
  const reader = opened.reader() as unknown as DocumentReader<Item>
  return (options) => reader.find(options)
}

async function idsOf(find: Find, options: FindOptions<Item>): Promise<string[]> {
  return (await find({ limit: 1_000, ...options })).items.map((one) => one.id)
}

function expected(keep: (one: Item) => boolean): string[] {
  return items()
    .filter(keep)
    .map((one) => one.id)
}

export const findRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'find filters by values, lists, ranges, absence and lists that contain',
    async run(store) {
      const find = await withItems(store, 'filter')
      const same = async (where: object, keep: (one: Item) => boolean) => {
        const wanted = expected(keep)
        assert.deepEqual(await idsOf(find, { where }), wanted, JSON.stringify(where))
      }
      await same({}, () => true)
      await same({ status: 'paid' }, (one) => one.status === 'paid')
      await same(
        { status: ['paid', 'shipped'], open: true },
        (one) => one.status !== 'placed' && one.open,
      )
      await same({ status: [] }, () => false)
      await same({ count: [2, 5, 2 ** 53] }, (one) => one.count === 2 || one.count === 5)
      await same({ ratio: [0.25, 1] }, (one) => one.ratio === 0.25 || one.ratio === 1)
      await same({ open: [true, null] }, (one) => one.open)
      await same(
        { at: ['2026-01-01T03:00:00+02:00', '2026-01-01T02:00:00Z'] },
        (one) => one.at === '2026-01-01T01:00:00.000Z' || one.at === '2026-01-01T02:00:00.000Z',
      )
      for (const one of [owner, owner.toUpperCase(), [owner, owner.toUpperCase()]])
        await same({ owner: one }, () => true)
      await same({ owner: null }, () => false)
      await same({ note: null }, (one) => one.note === null)
      await same({ note: [null, 'note 1'] }, (one) => one.note === null || one.note === 'note 1')
      await same({ hint: null }, (one) => one.hint === undefined)
      await same({ count: { gte: 2, lt: 5 } }, (one) => one.count >= 2 && one.count < 5)
      await same({ count: { gt: 1.5, lte: 3.5 } }, (one) => one.count > 1.5 && one.count <= 3.5)
      await same({ ratio: { gte: 0.5 } }, (one) => one.ratio >= 0.5)
      await same(
        { at: { gte: '2026-01-01T05:00:00+02:00' } },
        (one) => one.at >= '2026-01-01T03:00:00.000Z',
      )
      await same({ id: { gt: 'i050', lte: 'i060' } }, (one) => one.id > 'i050' && one.id <= 'i060')
      await same({ status: { not: 'paid' } }, (one) => one.status !== 'paid')
      await same(
        { note: { not: ['note 1', null] } },
        (one) => one.note !== 'note 1' && one.note !== null,
      )
      await same({ hint: { not: 'hint 1' } }, (one) => one.hint !== 'hint 1')
      await same({ tags: { has: 't2' } }, (one) => one.tags.includes('t2'))
      await same(
        { any: [{ status: 'paid', open: true }, { count: 6 }] },
        (one) => (one.status === 'paid' && one.open) || one.count === 6,
      )
      await same({ any: [] }, () => false)
    },
  },
  {
    name: 'values that a field cannot hold match nothing, whatever they contain',
    async run(store) {
      const find = await withItems(store, 'hostile')
      for (const value of ["' or true --", '\0', '\ud800', '%', '$1', '{}', '1'.repeat(5_000)]) {
        assert.deepEqual(await idsOf(find, { where: { title: value } }), [])
        assert.deepEqual(await idsOf(find, { where: { tags: { has: value } } }), [])
        assert.deepEqual(await idsOf(find, { where: { owner: value } }), [])
        await find({ text: value })
      }
      assert.deepEqual(await idsOf(find, { where: { count: 1.5 } }), [])
      assert.deepEqual(await idsOf(find, { where: { count: '1' as never } }), [])
      await refuses(find({ where: { 'title"; drop': 'x' } as never }), 'READ_UNSUPPORTED')
      await refuses(find({ where: { titel: 'x' } as never }), 'READ_UNSUPPORTED')
      await refuses(find({ where: { title: { like: 'x' } } as never }), 'READ_UNSUPPORTED')
      await refuses(find({ sort: [['lines', 'asc']] }), 'READ_UNSUPPORTED')
      await refuses(find({ limit: 0 }), 'READ_UNSUPPORTED')
      await refuses(find({ limit: 1_001 }), 'READ_UNSUPPORTED')
    },
  },
  {
    name: 'pages of any sort give every match once, in order',
    async run(store) {
      const find = await withItems(store, 'pages')
      const sorts: FindOptions<Item>['sort'][] = [
        [],
        [['at', 'desc']],
        [
          ['status', 'asc'],
          ['at', 'asc'],
        ],
        [
          ['count', 'desc'],
          ['at', 'asc'],
        ],
        [['note', 'asc']],
        [
          ['note', 'desc'],
          ['hint', 'asc'],
        ],
        [
          ['open', 'asc'],
          ['ratio', 'desc'],
        ],
        [['owner', 'asc']],
      ]
      for (const sort of sorts) {
        const all = await idsOf(find, { sort: sort! })
        assert.equal(new Set(all).size, count)
        const paged: string[] = []
        let after: string | undefined
        do {
          const page = await find({
            sort: sort!,
            limit: 13,
            ...(after === undefined ? {} : { after }),
          })
          paged.push(...page.items.map((one) => one.id))
          after = page.next
        } while (after !== undefined)
        assert.deepEqual(paged, all, JSON.stringify(sort))
      }
      const newest = (await find({ sort: [['at', 'desc']], limit: count })).items.map(
        (one) => one.at,
      )
      assert.deepEqual(
        newest,
        items()
          .map((one) => one.at)
          .toSorted()
          .toReversed(),
      )
    },
  },
  {
    name: 'a cursor that is malformed or of another sort is refused',
    async run(store) {
      const find = await withItems(store, 'cursors')
      const { next } = await find({ sort: [['count', 'asc']], limit: 5 })
      await refuses(find({ sort: [['count', 'desc']], after: next! }), 'CURSOR_INVALID')
      await refuses(find({ after: next! }), 'CURSOR_INVALID')
      for (const after of [
        '',
        'x',
        btoa('[]'),
        btoa('["a","b"]'),
        btoa(JSON.stringify(['x', "'; drop"])),
        'A'.repeat(10_000),
      ]) {
        await refuses(find({ sort: [['count', 'asc']], after }), 'CURSOR_INVALID')
      }
    },
  },
  {
    name: 'find counts all matches, and values of facets without their own condition',
    async run(store) {
      if (!store.capabilities.facets) return
      const find = await withItems(store, 'facets')
      const found = await find({
        where: { status: 'paid', open: true },
        facets: ['status', 'open', 'tags'],
        total: true,
        limit: 3,
      })
      const open = items().filter((one) => one.open)
      const paid = items().filter((one) => one.status === 'paid')
      assert.equal(found.items.length, 3)
      assert.equal(found.total, open.filter((one) => one.status === 'paid').length)
      assert.deepEqual(
        found.facets['status'],
        Object.fromEntries(
          statuses.map((status) => [status, open.filter((one) => one.status === status).length]),
        ),
      )
      assert.deepEqual(found.facets['open'], {
        true: paid.filter((one) => one.open).length,
        false: paid.filter((one) => !one.open).length,
      })
      assert.equal(
        found.facets['tags']!['common'],
        open.filter((one) => one.status === 'paid' && one.tags.includes('common')).length,
      )
      assert.equal((await find({ limit: 1 })).total, undefined)
    },
  },
  {
    name: 'text finds all words, in any order and case, the last one as a prefix',
    async run(store) {
      if (!store.capabilities.text) return
      const find = await withItems(store, 'text')
      assert.deepEqual(
        await idsOf(find, { text: 'KETTLE red' }),
        expected((one) => one.title.startsWith('Red')),
      )
      assert.deepEqual(
        await idsOf(find, { text: 'red kett' }),
        expected((one) => one.title.startsWith('Red')),
      )
      assert.deepEqual(await idsOf(find, { text: 'kett red' }), [])
      assert.deepEqual(
        await idsOf(find, { text: 'tea-pot' }),
        expected((one) => one.title.startsWith('Blue')),
      )
      assert.deepEqual(
        await idsOf(find, { text: 'pot blue larg', where: { status: 'paid' } }),
        expected((one) => one.title.startsWith('Blue') && one.status === 'paid'),
      )
      assert.deepEqual(
        await idsOf(find, { text: 'common t2' }),
        expected((one) => one.tags.includes('t2')),
      )
      assert.deepEqual(
        await idsOf(find, { text: '  ' }),
        expected(() => true),
      )
      assert.deepEqual(await idsOf(find, { text: ' !  👍' }), [])
      assert.deepEqual(await idsOf(find, { text: 'kettle & !red | (x' }), [])
    },
  },
]

export const rowsRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'rows are appended once, by position and ordinal',
    async run(store) {
      const opened = await store.open(sample('rows', 1, { shape: 'rows' }), history)
      const row = (position: bigint, ordinal: number) => ({
        position,
        ordinal,
        row: item(`r${position}-${ordinal}`),
      })
      await opened.apply(
        batch(move(undefined, 5n), [], { rows: [row(3n, 0), row(3n, 1), row(5n, 0)] }),
      )
      await refuses(
        opened.apply(batch(move(undefined, 5n), [], { rows: [row(3n, 0)] })),
        'PROJECTION_FENCED',
      )
      await opened.apply(batch(move(5n, 7n), [], { rows: [row(5n, 0), row(7n, 0)] }))
      const ids: string[] = []
      for await (const page of opened.dump())
        ids.push(...page.map(({ document }) => (document as Item).id))
      assert.deepEqual(ids.toSorted(), ['r3-0', 'r3-1', 'r5-0', 'r7-0'])
    },
  },
]
