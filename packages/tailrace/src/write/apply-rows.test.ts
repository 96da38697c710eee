import { aggregate, event, many, table, type RowOperation } from 'tailrace'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { AnyAggregate } from '../declare/aggregate.ts'
import type { AggregateRows, Row, RowChange } from '../ports/write-store.ts'
import { noAggregate, presented, stateOf, type AggregateState } from './aggregate-state.ts'
import { applyEvents } from './apply-rows.ts'
import { netChanges } from './net-changes.ts'

/** An aggregate whose one event says itself what to do to the rows. */
const Did = event('Did', z.custom<readonly RowOperation[]>())
const Box = aggregate('box', {
  id: z.string(),
  rows: {
    box: table('boxes', z.object({ id: z.string(), version: z.int(), colour: z.string() })),
    things: many('things', z.object({ shelf: z.string(), n: z.int(), note: z.json() }), [
      'shelf',
      'n',
    ]),
    tags: many('tags', z.object({ id: z.string() })),
  },
  events: [Did],
  write: { Did: ({ data }) => data },
}) as unknown as AnyAggregate

const made: RowOperation = { op: 'insert', of: 'box', row: { colour: 'red' } }
const thing = (shelf: string, n: number, note: unknown = null): Row => ({ shelf, n, note })
const put = (row: Row): RowOperation => ({ op: 'insert', of: 'things', row })
const set = (shelf: string, n: number, note: unknown): RowOperation => ({
  op: 'update',
  of: 'things',
  key: { shelf, n },
  set: { note },
})
const take = (shelf: string, n: number): RowOperation => ({
  op: 'delete',
  of: 'things',
  key: { shelf, n },
})

function after(state: AggregateState, ...events: (readonly RowOperation[])[]): AggregateState {
  return applyEvents(
    Box,
    'b',
    state,
    events.map((data) => ({ type: 'Did', data })),
  ).state
}

function changes(before: AggregateState, now: AggregateState): string[] {
  const into: RowChange[] = []
  netChanges(Box, 'b', before.rows, now.rows, into)
  return into.map(
    ({ op, of, row }) =>
      `${op} ${of} ${of === 'things' ? `${String(row['shelf'])}${String(row['n'])}` : String(row['id'])}`,
  )
}

const box = after(noAggregate, [made, put(thing('a', 2)), put(thing('a', 10)), put(thing('b', 1))])

describe('events in rows', () => {
  test('give each event the next version, and the root the last', () => {
    expect(box.rows!.root).toEqual({ id: 'b', version: 1, colour: 'red' })
    const later = after(
      box,
      [],
      [{ op: 'update', of: 'box', key: {}, set: { colour: 'blue' } }],
      [],
    )
    expect(later).toMatchObject({ version: 4, rows: { root: { version: 4, colour: 'blue' } } })
  })

  test('keep children in the order of their keys: numbers by value, then texts', () => {
    const later = after(box, [put(thing('a', 3)), put(thing('B', 9)), put(thing('a', -1))])
    expect(
      later.rows!.children['things']!.map(({ shelf, n }) => `${String(shelf)}${String(n)}`),
    ).toEqual(['B9', 'a-1', 'a2', 'a3', 'a10', 'b1'])
  })

  test('leave the rows that they started from as they were', () => {
    const copy = structuredClone(box)
    after(box, [put(thing('c', 1)), set('a', 2, 'x'), take('b', 1)])
    expect(() => after(box, [set('a', 2, 'x'), take('z', 9)])).toThrow()
    expect(box).toEqual(copy)
  })

  test('show decide frozen rows, down to what JSON columns hold', () => {
    const rows = presented(Box, after(box, [set('a', 2, { deep: [{ x: 1 }] })]).rows) as {
      box: { colour: string }
      things: { note: { deep: { x: number }[] } }[]
    }
    expect(() => (rows.box.colour = 'green')).toThrow(TypeError)
    expect(() => rows.things.push(rows.things[0]!)).toThrow(TypeError)
    expect(() => (rows.things[0]!.note.deep[0]!.x = 2)).toThrow(TypeError)
  })

  test('take loaded children in whatever order the database collates them', () => {
    const loaded: AggregateRows = {
      root: { id: 'b', version: 7, colour: 'red' },
      children: { things: [thing('a', 1), thing('B', 1)], tags: [] },
    }
    expect(stateOf(Box, loaded).rows!.children['things']!.map((row) => row['shelf'])).toEqual([
      'B',
      'a',
    ])
  })

  test.each<[string, AggregateState, RowOperation[], string]>([
    [
      'an insert of a root that exists',
      box,
      [made],
      'expected "box" not to exist for an insert, got one of version 1; use update',
    ],
    [
      'an update of a root that does not',
      noAggregate,
      [{ op: 'update', of: 'box', key: {}, set: {} }],
      'expected "box" to exist for update, got none',
    ],
    [
      'a first event that makes no root',
      noAggregate,
      [put(thing('a', 1))],
      'expected write.Did to insert "box", because the aggregate does not exist yet',
    ],
    [
      'a root that is made and deleted at once',
      noAggregate,
      [made, { op: 'delete', of: 'box', key: {} }],
      'expected write.Did to insert "box"',
    ],
    [
      'children left behind by a deletion',
      box,
      [{ op: 'delete', of: 'box', key: {} }],
      'expected write.Did to delete the rows of "things" with the root, got 3 left',
    ],
    [
      'a child that is there already',
      box,
      [put(thing('a', 2))],
      'expected no row of "things" with shelf "a", n 2 for an insert, got one; use update',
    ],
    [
      'a child that is not there',
      box,
      [take('a', 3)],
      'expected a row of "things" with shelf "a", n 3 for delete, got none',
    ],
    [
      'half a key',
      box,
      [{ op: 'delete', of: 'things', key: { shelf: 'a' } }],
      'expected delete on "things" to have the key property "n" as a string or number, got undefined',
    ],
    [
      'a key that is null',
      box,
      [put({ shelf: null, n: 1, note: null })],
      'the key property "shelf" as a string or number, got null',
    ],
    [
      'an update that moves a row',
      box,
      [{ op: 'update', of: 'things', key: { shelf: 'a', n: 2 }, set: { n: 3 } }],
      'expected update on "things" to leave "n" alone',
    ],
    [
      'an update of the version',
      box,
      [{ op: 'update', of: 'box', key: {}, set: { version: 9 } }],
      'expected update on "box" to leave "version" alone',
    ],
    [
      'a table that is not declared',
      box,
      [{ op: 'delete', of: 'boxes', key: {} }],
      'expected an operation on box, things, tags, got "boxes"',
    ],
  ])('refuse %s', (_, state, operations, message) => {
    expect(() => after(state, operations)).toThrow(
      expect.objectContaining({
        code: 'ROW_OPERATION_INVALID',
        message: expect.stringContaining(message),
      }),
    )
  })
})

describe('net changes', () => {
  test('fold what several events did to one row', () => {
    expect(changes(box, after(box, [put(thing('c', 1))], [set('c', 1, 'x')]))).toEqual([
      'update box b',
      'insert things c1',
    ])
    expect(changes(box, after(box, [set('a', 2, 'x')], [set('a', 2, 'y')]))).toEqual([
      'update box b',
      'update things a2',
    ])
    expect(changes(box, after(box, [put(thing('c', 1))], [take('c', 1)]))).toEqual(['update box b'])
    expect(changes(box, after(box, [take('a', 2)], [put(thing('a', 2, 'again'))]))).toEqual([
      'update box b',
      'update things a2',
    ])
    expect(changes(box, after(box, [set('a', 2, 'x')], [take('a', 2)]))).toEqual([
      'update box b',
      'delete things a2',
    ])
  })

  test('insert parents first and delete children first', () => {
    expect(
      changes(
        noAggregate,
        after(noAggregate, [
          made,
          put(thing('a', 1)),
          { op: 'insert', of: 'tags', row: { id: 't' } },
        ]),
      ),
    ).toEqual(['insert box b', 'insert things a1', 'insert tags t'])
    const full = after(noAggregate, [
      made,
      put(thing('a', 1)),
      { op: 'insert', of: 'tags', row: { id: 't' } },
    ])
    const emptied = after(full, [
      { op: 'delete', of: 'tags', key: { id: 't' } },
      take('a', 1),
      { op: 'delete', of: 'box', key: {} },
    ])
    expect(changes(full, emptied)).toEqual(['delete tags t', 'delete things a1', 'delete box b'])
  })

  test('turn the rows before into the rows after, whatever happened in between', () => {
    const key = fc.record({ shelf: fc.constantFrom('a', 'b'), n: fc.integer({ min: 0, max: 4 }) })
    const step = fc.record({ op: fc.constantFrom('put', 'set', 'take'), key, note: fc.integer() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let now = box
        for (const {
          op,
          key: { shelf, n },
          note,
        } of steps) {
          const operation =
            op === 'put'
              ? put(thing(shelf, n, note))
              : op === 'set'
                ? set(shelf, n, note)
                : take(shelf, n)
          try {
            now = after(now, [operation])
          } catch {
            // The operation did not fit the rows: nothing happened.
          }
        }
        const into: RowChange[] = []
        netChanges(Box, 'b', box.rows, now.rows, into)
        const rows = new Map(
          box.rows!.children['things']!.map((row) => [
            `${String(row['shelf'])}${String(row['n'])}`,
            row,
          ]),
        )
        const seen = new Set<string>()
        for (const { op, of, row } of into) {
          if (of !== 'things') continue
          const name = `${String(row['shelf'])}${String(row['n'])}`
          expect(seen.has(name), 'one change per key').toBe(false)
          seen.add(name)
          expect(rows.has(name)).toBe(op !== 'insert')
          if (op === 'delete') rows.delete(name)
          else rows.set(name, row)
        }
        expect(new Set(rows.values())).toEqual(new Set(now.rows!.children['things']))
      }),
    )
  })
})
