import { expect, test } from 'vitest'
import { z } from 'zod'
import { aggregate, event, many, table } from '../index.ts'
import type { AggregateRows, Row, RowChange } from '../ports/write-store.ts'
import { netChanges } from './net-changes.ts'

const Made = event('Made', z.object({}))
const Thing = aggregate('thing', {
  id: z.string(),
  rows: {
    thing: table('things', z.object({ id: z.string(), version: z.int() })),
    parts: many('parts', z.object({ n: z.int(), text: z.string() }), ['n']),
    notes: many('notes', z.object({ n: z.int(), text: z.string() }), ['n']),
  },
  events: [Made],
  write: { Made: (_, to) => [to.thing.insert({})] },
})

const part = (n: number, text = 'x'): Row => ({ n, text })
const root = (version: number): Row => ({ id: 't', version })

function rows(version: number, parts: readonly Row[], notes: readonly Row[] = []): AggregateRows {
  return { root: root(version), children: { parts, notes } }
}

function changes(before: AggregateRows | undefined, after: AggregateRows | undefined): string[] {
  const into: RowChange[] = []
  netChanges(Thing, 't', before, after, into)
  for (const { aggregate: of, id } of into) expect([of, id]).toEqual([Thing, 't'])
  return into.map(({ op, of, row }) => `${op} ${of} ${of === 'thing' ? row['version'] : row['n']}`)
}

test('what is made is inserted, parents first', () => {
  expect(changes(undefined, rows(1, [part(1), part(2)], [part(7)]))).toEqual([
    'insert thing 1',
    'insert parts 1',
    'insert parts 2',
    'insert notes 7',
  ])
})

test('what is removed is deleted, children first', () => {
  expect(changes(rows(3, [part(1), part(2)], [part(7)]), undefined)).toEqual([
    'delete notes 7',
    'delete parts 2',
    'delete parts 1',
    'delete thing 3',
  ])
})

test('rows that are the same are left alone, others are updated, inserted and deleted by key', () => {
  const same = part(2)
  const before = rows(3, [part(1), same, part(3), part(5)])
  const after = rows(4, [same, part(3, 'y'), part(4), part(6)])
  expect(changes(before, after)).toEqual([
    'update thing 4',
    'update parts 3',
    'insert parts 4',
    'insert parts 6',
    'delete parts 5',
    'delete parts 1',
  ])
})

test('deletions come last, inserts of all tables before them', () => {
  expect(changes(rows(3, [part(1)], [part(7)]), rows(4, [], [part(7), part(8)]))).toEqual([
    'update thing 4',
    'update notes 7',
    'insert notes 8',
    'delete parts 1',
  ])
})

test('nothing changes where nothing did', () => {
  const before = rows(3, [part(1)])
  expect(changes(before, before)).toEqual([])
  expect(changes(undefined, undefined)).toEqual([])
  expect(changes(before, { ...before, root: root(4) })).toEqual(['update thing 4'])
})
