import { aggregate, event, many, table } from 'tailrace'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { AccountRow, accountTables, Entered, EntryRow, Opened } from '../../test/sample-accounts.ts'

// Each `@ts-expect-error` is a mistake that the compiler must catch: the check of types fails when it does not.

const spec = { id: z.string(), rows: accountTables, events: [Opened, Entered] } as const

describe('an aggregate', () => {
  test('has a writer for every event', () => {
    const missing = () =>
      aggregate('account', {
        ...spec,
        // @ts-expect-error -- no writer for Entered
        write: { Opened: ({ data }, to) => [to.account.insert({ owner: data.owner, cents: 0 })] },
      })
    expect(missing).toThrow('expected aggregate "account" to have write.Entered, got none')
  })

  test('has events of different names', () => {
    expect(() =>
      aggregate('a', { ...spec, events: [Opened, Opened], write: { Opened: () => [] } }),
    ).toThrow('got "Opened" twice')
  })

  test('has exactly one root table', () => {
    const rows = (tables: Parameters<typeof aggregate>[1]['rows']) => () =>
      aggregate('a', { id: z.string(), rows: tables, events: [], write: {} })
    expect(rows({ entries: many('entries', EntryRow, 'line') })).toThrow(
      'exactly one root table, got 0',
    )
    expect(rows({ a: table('a', AccountRow), b: table('b', AccountRow) })).toThrow(
      'exactly one root table, got 2',
    )
  })

  test('writes only columns that its rows have, and leaves id and version to the engine', () => {
    aggregate('account', {
      ...spec,
      write: {
        Opened: ({ data }, to) => [
          to.account.insert({ owner: data.owner, cents: 0 }),
          // @ts-expect-error -- a column is missing
          to.account.insert({ owner: data.owner }),
          // @ts-expect-error -- no such column
          to.account.insert({ owner: data.owner, cents: 0, colour: 'red' }),
          // @ts-expect-error -- of another type
          to.account.update({ cents: data.owner }),
          // @ts-expect-error -- the engine keeps the version
          to.account.update({ version: 2 }),
          // @ts-expect-error -- no such table
          to.accounts.update({ cents: 1 }),
        ],
        Entered: ({ data, id }, to) => [
          to.entries.update({ accountId: id, line: data.line }, { cents: 1 }),
          // @ts-expect-error -- half of the key
          to.entries.update({ line: data.line }, { cents: 1 }),
          // @ts-expect-error -- a key does not change
          to.entries.update({ accountId: id, line: data.line }, { line: 2 }),
          // @ts-expect-error -- data has no such property
          to.entries.delete({ accountId: id, line: data.row }),
        ],
      },
    })
  })

  test('keys child tables by properties of their rows', () => {
    expect(many('entries', EntryRow, 'line').key).toEqual(['line'])
    // @ts-expect-error -- no such property
    many('entries', EntryRow, 'row')
    // @ts-expect-error -- without an "id" property the key must be said
    many('entries', EntryRow)
  })
})

describe('a root table', () => {
  test('has an id and a version', () => {
    expect(table('t', z.object({ id: z.uuid(), version: z.int() })).key).toEqual(['id'])
    // @ts-expect-error -- without a version there is no lock
    table('t', z.object({ id: z.string() }))
    // @ts-expect-error -- nor without a number
    table('t', z.object({ id: z.string(), version: z.string() }))
    // @ts-expect-error -- nor an aggregate without an id
    table('t', z.object({ version: z.int() }))
  })
})

describe('an event', () => {
  test('takes the data of its schema', () => {
    expect(Opened({ owner: 'ann' })).toEqual({ type: 'Opened', data: { owner: 'ann' } })
    // @ts-expect-error -- of another type
    Opened({ owner: 1 })
    // @ts-expect-error -- missing
    Opened({})
  })

  test('of a later version brings an upcaster for each earlier one', () => {
    const schema = z.object({ a: z.int() })
    expect(event('E', 3, schema, { from1: (old) => old, from2: (old) => old }).schemaVersion).toBe(
      3,
    )
    // @ts-expect-error -- from2 is missing
    expect(() => event('E', 3, schema, { from1: (old) => old })).toThrow(
      'to have an upcaster from2',
    )
    const both = { from1: (old: unknown) => old, from2: (old: unknown) => old }
    expect(() => event('E', 2, schema, both)).toThrow(
      'expected upcasters from1 for event "E", got "from2"',
    )
    expect(() => event('E', 0, schema, {})).toThrow('an integer from 1, got 0')
    // @ts-expect-error -- no upcasters at all
    expect(() => event('E', 2, schema)).toThrow('to have an upcaster from1, got none')
    expect(event('E', 1, schema).schemaVersion).toBe(1)
    // @ts-expect-error -- upcasters are named from1, from2 …
    expect(() => event('E', 2, schema, { up: (old: unknown) => old })).toThrow(
      'to have an upcaster from1',
    )
  })
})
