import { expect, test } from 'vitest'
import { z } from 'zod'
import { TailraceError } from '../errors.ts'
import { event, projection, sqlProjection } from '../index.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import type {
  ApplyBatch,
  CheckpointMove,
  ParkedKey,
  ProjectionStore,
  SqlBatch,
  StoredDocument,
} from '../ports/read-store.ts'
import { compileProjection } from './compiled-projection.ts'
import { DocumentCache } from './document-cache.ts'
import { PageApplier, type ParkedFailure } from './page-applier.ts'
import { ParkedSet } from './parked-set.ts'

// What a worker asks of its store and what it writes there, page after page.

const Told = event('Told', z.object({ on: z.string(), n: z.int() }))

const lists = projection('lists', {
  version: 1,
  from: [Told],
  document: z.object({ list: z.array(z.int()) }),
  key: ({ data }) => data.on,
  on: {
    Told: ({ data: { n } }, document) => {
      if (n === -5) throw new Error('cannot take -5')
      return n === 0 ? null : { list: [...(document?.list ?? []), n] }
    },
  },
})

const written = sqlProjection('written', {
  version: 1,
  from: [Told],
  tables: {},
  key: ({ data }) => {
    if (data.on === 'nowhere') throw new Error('nowhere')
    return data.on
  },
  on: { Told: async ({ data }, tx) => void (await tx.query('take', [data.n])) },
})

const moves: readonly CheckpointMove[] = [
  { range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 9n },
]

/** A store in memory: keeps documents and what is parked, notes what it was asked for, and fails when told to. */
class NotingStore {
  readonly documents = new Map<string, StoredDocument>()
  readonly parkedKeys = new Set<string>()
  readonly loads: (readonly string[])[] = []
  readonly applied: ApplyBatch[] = []
  readonly appliedSql: SqlBatch[] = []
  refuse: ((batch: ApplyBatch) => unknown) | undefined
  onLoad: (() => void) | undefined
  /** Keys of sql groups that fail. */
  failing = new Set<string>()

  get store(): ProjectionStore {
    const store: Partial<ProjectionStore> = {
      load: async (keys) => {
        this.loads.push(keys)
        this.onLoad?.()
        return new Map(
          keys.flatMap((key) => {
            const found = this.documents.get(key)
            return found === undefined ? [] : [[key, found] as const]
          }),
        )
      },
      apply: async (batch) => {
        const error = this.refuse?.(batch)
        if (error !== undefined) throw error
        this.applied.push(batch)
        for (const { key, document, position } of batch.changes)
          if (document === null) this.documents.delete(key)
          else this.documents.set(key, { document, position })
        for (const { key } of batch.park) this.parkedKeys.add(key)
      },
      applySql: async (batch) => {
        this.appliedSql.push(batch)
        for (const { key } of batch.park) this.parkedKeys.add(key)
        return batch.groups.flatMap(({ key }, group) => {
          if (!this.failing.has(key)) return []
          this.parkedKeys.add(key)
          return [{ group, error: new Error(`${key} fails`) }]
        })
      },
      parked: async (keys) =>
        [...this.parkedKeys]
          .filter((key) => keys === undefined || keys.includes(key))
          .map((key) => ({ key }) as ParkedKey),
    }
    return store as ProjectionStore
  }
}

async function setup(declared: typeof lists | typeof written = lists, cached = 10) {
  const noting = new NotingStore()
  const { store } = noting
  const told: (readonly ParkedFailure[])[] = []
  const parked = new ParkedSet(store)
  await parked.reload()
  const applier = new PageApplier({
    compiled: compileProjection(declared),
    store,
    parked,
    cache: new DocumentCache(cached),
    keySlots: undefined,
    dataFirst: false,
    onParked: (failures) => told.push(failures),
  })
  let last = 0n
  const page = (...events: readonly (readonly [string, number])[]) =>
    applier.plan(
      events.map(
        ([on, n]) =>
          ({
            position: ++last,
            commandId: 'c',
            ordinal: 1,
            type: 'Told',
            schemaVersion: 1,
            data: { on, n },
            stream: on,
            slot: 0,
          }) as unknown as RecordedEvent,
      ),
    )
  const apply = (...events: readonly (readonly [string, number])[]) =>
    applier.apply(page(...events), () => moves)
  return { noting, told, parked, applier, page, apply }
}

function unstorable(details: Readonly<Record<string, unknown>>): TailraceError {
  return new TailraceError('DOCUMENT_UNSTORABLE', 'expected less', { details })
}

function listOf(noting: NotingStore, key: string): unknown {
  return noting.documents.get(key)?.document
}

test('a page is one load of what is not known, and one write with its moves', async () => {
  const { noting, apply } = await setup()
  noting.documents.set('a', { document: { list: [7] }, position: 0n })
  expect(await apply(['a', 1], ['b', 2], ['a', 3])).toBe(true)
  expect(noting.loads).toEqual([['a', 'b']])
  expect(noting.applied).toHaveLength(1)
  expect(noting.applied[0]).toMatchObject({ moves, park: [], rows: [] })
  expect(await apply(['a', 4], ['c', 5])).toBe(true)
  expect(noting.loads).toEqual([['a', 'b'], ['c']])
  expect(listOf(noting, 'a')).toEqual({ list: [7, 1, 3, 4] })
  expect(await apply(['a', 6], ['b', 7])).toBe(true)
  expect(noting.loads).toHaveLength(2)
  expect(listOf(noting, 'b')).toEqual({ list: [2, 7] })
})

test('a document that was deleted is known to be absent, and begins anew', async () => {
  const { noting, apply } = await setup()
  noting.documents.set('a', { document: { list: [7] }, position: 0n })
  await apply(['a', 0])
  await apply(['a', 1])
  expect(noting.loads).toEqual([['a']])
  expect(listOf(noting, 'a')).toEqual({ list: [1] })
})

test('without a cache, every page reads what the store holds', async () => {
  const { noting, apply } = await setup(lists, 0)
  await apply(['a', 1])
  noting.documents.set('a', { document: { list: [7] }, position: 1n })
  await apply(['a', 2])
  expect(listOf(noting, 'a')).toEqual({ list: [7, 2] })
})

test('moves are asked for when all is loaded; without them the page leaves no trace', async () => {
  const { noting, applier, page, apply } = await setup()
  const order: string[] = []
  noting.onLoad = () => order.push('load')
  const done = await applier.apply(page(['a', 1]), () => {
    order.push('moves')
    return undefined
  })
  expect(done).toBe(false)
  expect(order).toEqual(['load', 'moves'])
  expect(noting.applied).toEqual([])
  await apply(['a', 2])
  expect(listOf(noting, 'a')).toEqual({ list: [2] })
})

test('a write that failed is no document: the next page does not build on it', async () => {
  const { noting, apply, told } = await setup()
  noting.refuse = () => new Error('connection lost')
  await expect(apply(['a', 1])).rejects.toThrow('connection lost')
  noting.refuse = undefined
  await apply(['a', 2])
  expect(listOf(noting, 'a')).toEqual({ list: [2] })
  expect(told).toEqual([])
})

test('a key that fails waits, is told of once, and is neither loaded nor written any more', async () => {
  const { noting, told, apply } = await setup()
  await apply(['a', 1], ['a', -5], ['a', 2], ['b', 3])
  expect(told).toEqual([[{ key: 'a', error: 'Error: cannot take -5' }]])
  expect(listOf(noting, 'a')).toEqual({ list: [1] })
  await apply(['a', 4], ['c', 5])
  expect(told).toHaveLength(1)
  expect(noting.loads).toEqual([['a', 'b'], ['c']])
  expect(noting.applied.at(-1)!.park).toEqual([{ key: 'a', positions: [5n], failure: undefined }])
  expect(listOf(noting, 'a')).toEqual({ list: [1] })
})

test('a key that somebody settled is read anew: its document is what the settling made', async () => {
  const { noting, apply } = await setup()
  await apply(['a', 1], ['a', -5])
  noting.parkedKeys.delete('a')
  noting.documents.set('a', { document: { list: [1, 55] }, position: 2n })
  await apply(['a', 6])
  expect(listOf(noting, 'a')).toEqual({ list: [1, 55, 6] })
})

test('keys that were parked before this worker began wait too, by document and by stream', async () => {
  const { noting, parked, apply } = await setup()
  for (const key of ['a', '@stream:s']) noting.parkedKeys.add(key)
  await parked.reload()
  await apply(['a', 1], ['s', 2], ['b', 3])
  expect(noting.applied[0]!.changes.map(({ key }) => key)).toEqual(['b'])
  expect(noting.applied[0]!.park.map(({ key }) => key)).toEqual(['a', '@stream:s'])
})

test('a document that the store cannot hold parks its key, and the page is written without it', async () => {
  const { noting, told, applier, page } = await setup()
  noting.refuse = ({ changes }) =>
    changes.some(({ key }) => key === 'big') ? unstorable({ key: 'big' }) : undefined
  let asked = 0
  const done = await applier.apply(page(['a', 1], ['big', 2], ['big', 3]), () => {
    asked++
    return moves
  })
  expect(done).toBe(true)
  // What is held now may be less than before the first attempt.
  expect(asked).toBe(2)
  expect(noting.applied).toHaveLength(1)
  expect(noting.applied[0]!.changes.map(({ key }) => key)).toEqual(['a'])
  expect(noting.applied[0]!.park).toMatchObject([
    { key: 'big', positions: [2n, 3n], failure: { error: expect.stringContaining('less') } },
  ])
  expect(told).toHaveLength(1)
})

test('a lease that ran out while a document was refused leaves no trace', async () => {
  const { noting, told, applier, page } = await setup()
  noting.refuse = () => unstorable({ key: 'a' })
  const answers = [moves, undefined]
  expect(await applier.apply(page(['a', 1]), () => answers.shift())).toBe(false)
  expect(noting.applied).toEqual([])
  expect(told).toEqual([])
})

test.each<[string, Readonly<Record<string, unknown>>]>([
  ['a key that waits already', { key: 'a' }],
  ['nothing that is in the page', { position: 99n }],
  ['nothing at all', {}],
])('a store that blames %s fails the page', async (_, details) => {
  const { noting, apply } = await setup()
  noting.refuse = () => unstorable(details)
  await expect(apply(['a', 1])).rejects.toMatchObject({ code: 'DOCUMENT_UNSTORABLE' })
  expect(noting.applied).toEqual([])
})

test('an error that is not about a document parks nothing, whatever its details name', async () => {
  const { noting, apply, told } = await setup()
  const errors = [
    new TailraceError('PROJECTION_FENCED', 'expected to hold it', { details: { key: 'a' } }),
  ]
  noting.refuse = () => errors.shift()
  await expect(apply(['a', 1])).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
  expect(noting.applied).toEqual([])
  expect(told).toEqual([])
})

test('sql runs in groups by key; one that fails is parked and told, and its successors wait', async () => {
  const { noting, told, apply } = await setup(written)
  noting.failing.add('a')
  expect(await apply(['a', 1], ['b', 2], ['a', 3], ['nowhere', 4])).toBe(true)
  const [batch] = noting.appliedSql
  expect(batch!.moves).toBe(moves)
  expect(batch!.groups.map(({ key, positions }) => [key, positions])).toEqual([
    ['a', [1n, 3n]],
    ['b', [2n]],
  ])
  expect(told).toEqual([
    [
      { key: '@stream:nowhere', error: 'Error: nowhere' },
      { key: 'a', error: 'Error: a fails' },
    ],
  ])
  expect(batch!.parkOf(0, new Error('x'))).toEqual({
    key: 'a',
    positions: [1n, 3n],
    failure: { eventId: 'c/1', type: 'Told', error: 'Error: x', attempts: 2 },
  })
  await apply(['a', 5], ['b', 6], ['nowhere', 7], ['a', 8])
  expect(noting.appliedSql[1]!.groups.map(({ key }) => key)).toEqual(['b'])
  expect(noting.appliedSql[1]!.park.map(({ key, positions }) => [key, positions])).toEqual([
    ['a', [5n, 8n]],
    ['@stream:nowhere', [7n]],
  ])
  expect(told).toHaveLength(1)
})

test('the events of a sql group run in order, in the transaction of the page', async () => {
  const { noting, apply } = await setup(written)
  await apply(['a', 1], ['b', 2], ['a', 3])
  const taken: unknown[] = []
  const tx = { query: async (_: string, values?: readonly unknown[]) => void taken.push(values) }
  await noting.appliedSql[0]!.groups[0]!.run(tx as never)
  expect(taken).toEqual([[1], [3]])
})

test('sql without a lease is not run', async () => {
  const { noting, applier, page } = await setup(written)
  expect(await applier.apply(page(['a', 1]), () => undefined)).toBe(false)
  expect(noting.appliedSql).toEqual([])
})
