import { expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection, rowsProjection, type ProjectionDef } from '../index.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import type { StoredDocument } from '../ports/read-store.ts'
import { compileProjection } from './compiled-projection.ts'
import { foldBatch, type FoldedBatch, type FoldOptions } from './fold-batch.ts'
import { planBatch } from './plan-batch.ts'

// What one batch comes to: per key in order, one net change, and whoever fails waits with all that follow in its key.

interface Told {
  /** Keys; 'nowhere': the key function fails. */
  readonly on: string | readonly string[]
  readonly n: number
  readonly stream: string
}

const Told = event('Told', z.custom<Told>())
/** How often the handler ran for a number. */
let runs = new Map<number, number>()

const lists = projection('lists', {
  version: 1,
  from: [Told],
  document: z.object({ list: z.array(z.number()) }),
  key: ({ data }) => {
    if (data.on === 'nowhere') throw new Error('nowhere')
    return data.on
  },
  on: {
    Told: ({ data: { n } }, document, key) => {
      runs.set(n, (runs.get(n) ?? 0) + 1)
      if (n === 0) return null
      if (n === -1) return undefined
      if (n < -1 && (n > -100 || key === 'frail')) throw new Error(`cannot take ${n}`)
      return { list: [...(document?.list ?? []), n] }
    },
  },
})

const rows = rowsProjection('rows', {
  version: 1,
  from: [Told],
  row: z.object({ n: z.number() }),
  on: {
    Told: ({ data: { n } }) => {
      if (n < 0) throw new Error(`cannot take ${n}`)
      return Array.from({ length: n }, (_, i) => ({ n: n * 10 + i }))
    },
  },
})

function told(on: Told['on'], n: number, stream = 's'): Told {
  return { on, n, stream }
}

function folded(
  events: readonly Told[],
  over: Partial<FoldOptions> = {},
  declared: ProjectionDef = lists,
): FoldedBatch {
  runs = new Map()
  const recorded = events.map(
    (data, i) =>
      ({
        position: BigInt(i + 1),
        commandId: `c${i + 1}`,
        ordinal: 1,
        type: 'Told',
        schemaVersion: 1,
        data,
        stream: data.stream,
        slot: 0,
      }) as unknown as RecordedEvent,
  )
  const compiled = compileProjection(declared)
  const plan = planBatch(compiled, recorded, undefined)
  return foldBatch({ compiled, plan, documents: new Map(), parked: new Set(), ...over })
}

function stored(list: readonly number[], position: bigint): StoredDocument {
  return { document: { list }, position }
}

/** Keys with the positions that wait under them, and why the first of them does. */
function waiting({ park }: FoldedBatch) {
  return park.map(({ key, positions, failure }) => [key, positions, failure?.error])
}

test('the events of a key are one change, from the stored document on, as of the last of them', () => {
  const documents = new Map([['a', stored([7], 0n)]])
  const {
    changes,
    park,
    rows: none,
  } = folded([told('a', 1), told('b', 2), told('a', 3), told('c', 4), told('b', 5)], { documents })
  expect(changes).toEqual([
    { key: 'a', document: { list: [7, 1, 3] }, position: 3n },
    { key: 'b', document: { list: [2, 5] }, position: 5n },
    { key: 'c', document: { list: [4] }, position: 4n },
  ])
  expect([park, none]).toEqual([[], []])
})

test('an event of several documents changes each of them', () => {
  expect(folded([told(['a', 'b'], 1), told(['b', 'c'], 2)]).changes).toEqual([
    { key: 'a', document: { list: [1] }, position: 1n },
    { key: 'b', document: { list: [1, 2] }, position: 2n },
    { key: 'c', document: { list: [2] }, position: 2n },
  ])
})

test('an event that changes nothing moves no document', () => {
  const documents = new Map([['a', stored([7], 0n)]])
  expect(folded([told('a', -1), told('b', -1)], { documents }).changes).toEqual([])
  expect(folded([told('a', 1), told('a', -1)], { documents }).changes).toEqual([
    { key: 'a', document: { list: [7, 1] }, position: 1n },
  ])
})

test('a deletion is a change where there is a document, and none where there is nothing', () => {
  const documents = new Map<string, StoredDocument>([
    ['a', stored([7], 0n)],
    ['gone', { document: null, position: 0n }],
  ])
  const deleting = (key: string) => folded([told(key, 0)], { documents }).changes
  expect(deleting('a')).toEqual([{ key: 'a', document: null, position: 1n }])
  expect(deleting('gone')).toEqual([])
  expect(deleting('never there')).toEqual([])
})

test('what is made and deleted in one batch is told as deleted: a broken attempt may have written it', () => {
  expect(folded([told('a', 1), told('a', 0)]).changes).toEqual([
    { key: 'a', document: null, position: 2n },
  ])
})

test('a deletion is as of the last event that asked for it', () => {
  const documents = new Map([['a', stored([7], 0n)]])
  expect(folded([told('a', 0), told('b', 1), told('a', 0)], { documents }).changes[0]).toEqual({
    key: 'a',
    document: null,
    position: 3n,
  })
})

test('what was deleted begins anew, from nothing', () => {
  const documents = new Map<string, StoredDocument>([
    ['a', stored([7], 0n)],
    ['gone', { document: null, position: 0n }],
  ])
  expect(folded([told('a', 0), told('a', 2), told('gone', 3)], { documents }).changes).toEqual([
    { key: 'a', document: { list: [2] }, position: 2n },
    { key: 'gone', document: { list: [3] }, position: 3n },
  ])
})

test('a handler that fails is tried three times; then its key waits with all that follows, others go on', () => {
  const batch = folded([told('a', 1), told('b', 2), told('a', -5), told('a', 4), told('b', 6)])
  expect(batch.changes).toEqual([
    { key: 'a', document: { list: [1] }, position: 1n },
    { key: 'b', document: { list: [2, 6] }, position: 5n },
  ])
  expect(batch.park).toEqual([
    {
      key: 'a',
      positions: [3n, 4n],
      failure: { eventId: 'c3/1', type: 'Told', error: 'Error: cannot take -5', attempts: 3 },
    },
  ])
  expect(runs).toEqual(
    new Map([
      [1, 1],
      [2, 1],
      [-5, 3],
      [6, 1],
    ]),
  )
})

test('a handler that fails once and then does not has not failed', () => {
  let left = 2
  const moody = projection('moody', {
    version: 1,
    from: [Told],
    document: z.object({ list: z.array(z.number()) }),
    key: () => 'a',
    on: {
      Told: ({ data: { n } }, document) => {
        if (left-- > 0) throw new Error('not yet')
        return { list: [...(document?.list ?? []), n] }
      },
    },
  })
  const { changes, park } = folded([told('a', 1), told('a', 2)], {}, moody)
  expect(park).toEqual([])
  expect(changes).toEqual([{ key: 'a', document: { list: [1, 2] }, position: 2n }])
})

test('of an event of several documents, only the one that failed waits', () => {
  const batch = folded([told(['a', 'frail'], -100), told('a', 2), told('frail', 3)])
  expect(batch.changes).toEqual([{ key: 'a', document: { list: [-100, 2] }, position: 2n }])
  expect(waiting(batch)).toEqual([['frail', [1n, 3n], 'Error: cannot take -100']])
})

test('events of a key that was parked before wait behind, without a reason of their own', () => {
  const batch = folded([told('a', 1), told('b', 2), told(['a', 'b'], 3)], {
    parked: new Set(['a']),
  })
  expect(batch.changes).toEqual([{ key: 'b', document: { list: [2, 3] }, position: 3n }])
  expect(waiting(batch)).toEqual([['a', [1n, 3n], undefined]])
  expect(runs.get(1)).toBeUndefined()
})

test('when the documents of an event cannot be told, its whole stream waits, and no other', () => {
  const batch = folded([
    told('a', 1, 's1'),
    told('nowhere', 2, 's1'),
    told('a', 3, 's1'),
    told('b', 4, 's2'),
    told('nowhere', 5, 's1'),
  ])
  expect(batch.changes).toEqual([
    { key: 'a', document: { list: [1] }, position: 1n },
    { key: 'b', document: { list: [4] }, position: 4n },
  ])
  expect(waiting(batch)).toEqual([['@stream:s1', [2n, 3n, 5n], 'Error: nowhere']])
  expect(batch.park[0]!.failure).toMatchObject({ eventId: 'c2/1', attempts: 1 })
})

test('the stream that was parked before waits, whatever documents its events say', () => {
  const batch = folded([told('a', 1, 's1'), told('a', 2, 's2')], {
    parked: new Set(['@stream:s1']),
  })
  expect(batch.changes).toEqual([{ key: 'a', document: { list: [2] }, position: 2n }])
  expect(waiting(batch)).toEqual([['@stream:s1', [1n], undefined]])
})

test('a document that the store refused waits with all its events of the batch', () => {
  const condemned = new Map([['a', new TypeError('too large')]])
  const batch = folded([told('a', 1), told('b', 2), told('a', 3)], { condemned })
  expect(batch.changes).toEqual([{ key: 'b', document: { list: [2] }, position: 2n }])
  expect(waiting(batch)).toEqual([['a', [1n, 3n], 'TypeError: too large']])
  expect(batch.park[0]!.failure).toMatchObject({ eventId: 'c1/1', attempts: 1 })
  expect(runs.get(1)).toBeUndefined()
})

test('where data is written first, events that a document has already are not folded again', () => {
  const documents = new Map<string, StoredDocument>([
    ['a', stored([1, 2], 2n)],
    ['gone', { document: null, position: 3n }],
  ])
  const events = [
    told('a', 1),
    told('a', 2),
    told('gone', 3),
    told('a', 4),
    told('gone', 5),
    told('new', 6),
  ]
  expect(folded(events, { documents, skipApplied: true }).changes).toEqual([
    { key: 'a', document: { list: [1, 2, 4] }, position: 4n },
    { key: 'gone', document: { list: [5] }, position: 5n },
    { key: 'new', document: { list: [6] }, position: 6n },
  ])
  expect(folded(events, { documents }).changes[0]!.document).toEqual({ list: [1, 2, 1, 2, 4] })
})

test('an event that a document has already is not parked either, though its handler fails by now', () => {
  const documents = new Map([['a', stored([-5], 1n)]])
  expect(folded([told('a', -5)], { documents, skipApplied: true }).park).toEqual([])
})

test('a handler cannot change the document that it is given', () => {
  const meddling = projection('meddling', {
    version: 1,
    from: [Told],
    document: z.object({ list: z.array(z.number()) }),
    key: () => 'a',
    on: {
      Told: (_, document) => {
        ;(document as { list: number[] }).list = []
        return { list: [1] }
      },
    },
  })
  const documents = new Map([['a', stored([7], 0n)]])
  const batch = folded([told('a', 1)], { documents }, meddling)
  expect(batch.changes).toEqual([])
  expect(waiting(batch)).toEqual([['a', [1n], expect.stringContaining('read only property')]])
  expect(documents.get('a')!.document).toEqual({ list: [7] })
})

test('rows are told in order, each by its event and its place in it; a stream that fails gives none', () => {
  const batch = folded(
    [
      told('', 2, 's1'),
      told('', 0, 's1'),
      told('', -1, 's2'),
      told('', 3, 's2'),
      told('', 1, 's1'),
    ],
    {},
    rows,
  )
  expect(batch.rows).toEqual([
    { position: 1n, ordinal: 0, row: { n: 20 } },
    { position: 1n, ordinal: 1, row: { n: 21 } },
    { position: 5n, ordinal: 0, row: { n: 10 } },
  ])
  expect(batch.changes).toEqual([])
  expect(waiting(batch)).toEqual([['s2', [3n, 4n], 'Error: cannot take -1']])
})

test('what is thrown is told, also when it is no error', () => {
  const odd = projection('odd', {
    version: 1,
    from: [Told],
    document: z.object({}),
    key: () => 'a',
    on: {
      Told: () => {
        // oxlint-disable-next-line no-throw-literal
        throw 'a string'
      },
    },
  })
  expect(waiting(folded([told('a', 1)], {}, odd))).toEqual([['a', [1n], 'a string']])
})
