import {
  bounded,
  eventual,
  projection,
  query,
  reactor,
  rowsProjection,
  sqlProjection,
  type DocumentOf,
  type DocumentReader,
} from 'tailrace'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Account, enter, Opened } from '../../test/sample-accounts.ts'

// Each `@ts-expect-error` is a mistake that the compiler must catch: the check of types fails when it does not.

const Doc = z.object({ owner: z.string(), cents: z.int() })
const from = Account.events
const base = {
  version: 1,
  from,
  document: Doc,
  key: (e: { readonly stream: string }) => e.stream,
} as const

describe('a projection', () => {
  test('handles every event, or says aloud that it ignores others', () => {
    const half = () =>
      // @ts-expect-error -- Entered is not handled, and nothing is said of it
      projection('p', { ...base, on: { Opened: (e) => ({ owner: e.data.owner, cents: 0 }) } })
    expect(half).toThrow('expected projection "p" to handle "Entered", got no handler')
    projection('p', {
      ...base,
      on: { Opened: (e) => ({ owner: e.data.owner, cents: 0 }) },
      otherwise: 'ignore',
    })
    projection('p', {
      ...base,
      on: { Opened: (e) => ({ owner: e.data.owner, cents: 0 }), Entered: (_, doc) => doc },
    })
    // @ts-expect-error -- there is one way to say it
    expect(() => projection('p', { ...base, on: {}, otherwise: 'skip' })).toThrow(
      'to be one of ignore, got "skip"',
    )
  })

  test('handles events that it reads from', () => {
    const stranger = () =>
      projection('p', {
        ...base,
        // @ts-expect-error -- no such event in "from"
        on: { Opened: () => null, Entered: () => null, Stranger: () => null },
      })
    expect(stranger).toThrow(
      'expected projection "p" to handle events of its "from" list, got "Stranger"',
    )
  })

  test('makes documents of its schema from the data of the event', () => {
    projection('p', {
      ...base,
      // @ts-expect-error -- a property is missing
      on: { Opened: (e) => ({ owner: e.data.owner }) },
      otherwise: 'ignore',
    })
    projection('p', {
      ...base,
      // @ts-expect-error -- of another type
      on: { Opened: (e) => ({ owner: e.data.owner, cents: 'none' }) },
      otherwise: 'ignore',
    })
    projection('p', {
      ...base,
      // @ts-expect-error -- the event has no such property
      on: { Opened: (e) => ({ owner: e.data.name, cents: 0 }) },
      otherwise: 'ignore',
    })
    projection('p', {
      ...base,
      // @ts-expect-error -- there may be no document yet
      on: { Entered: (e, doc) => ({ ...doc, cents: doc.cents + e.data.cents }) },
      otherwise: 'ignore',
    })
    projection('p', {
      ...base,
      // @ts-expect-error -- a fold is not asynchronous
      on: { Opened: async () => ({ owner: '', cents: 0 }) },
      otherwise: 'ignore',
    })
    projection('p', {
      ...base,
      // @ts-expect-error -- the document is read-only
      on: { Entered: (_, doc) => doc && ((doc.cents = 1), doc) },
      otherwise: 'ignore',
    })
  })

  test('takes the literals of its documents for what they are, in each form', () => {
    const status = z.object({ id: z.string(), status: z.enum(['x', 'y']) })
    const folds = { version: 1, from, document: status, key: base.key } as const
    const on = { ...folds, otherwise: 'ignore' } as const
    projection('p', {
      ...folds,
      on: {
        Opened: (e) => ({ id: e.stream, status: 'x' }),
        Entered: (_, doc) => doc && { ...doc, status: 'y' },
      },
    })
    projection('p', { ...on, on: { Opened: (e) => ({ id: e.stream, status: 'x' }) } })
    projection('p', {
      ...folds,
      on: {
        // @ts-expect-error -- no such status
        Opened: (e) => ({ id: e.stream, status: 'z' }),
        // @ts-expect-error -- no such status, of a document that there is
        Entered: (_, doc) => doc && { ...doc, status: 'z' },
      },
    })
    rowsProjection('r', {
      version: 1,
      from,
      row: status,
      on: {
        Opened: (e) => [{ id: e.stream, status: 'x' }],
        // @ts-expect-error -- no such status
        Entered: (e) => [{ id: e.stream, status: 'z' }],
      },
    })
  })

  test('indexes fields that its documents have', () => {
    projection('p', {
      ...base,
      lookup: { by: [['owner', 'cents']], text: ['owner'] },
      on: {},
      otherwise: 'ignore',
    })
    // @ts-expect-error -- no such field
    projection('p', { ...base, lookup: { by: [['name']] }, on: {}, otherwise: 'ignore' })
  })

  test('has a name for physical names, and counts versions from 1', () => {
    expect(() => projection('Not Good', { ...base, on: {}, otherwise: 'ignore' })).toThrow(
      'expected the projection name to match',
    )
    expect(() => projection('p', { ...base, version: 0, on: {}, otherwise: 'ignore' })).toThrow(
      'to be an integer from 1, got 0',
    )
  })

  test('of rows gives lists, and of sql a promise', () => {
    rowsProjection('r', {
      version: 1,
      from,
      row: Doc,
      on: { Opened: (e) => [{ owner: e.data.owner, cents: 0 }] },
      otherwise: 'ignore',
    })
    rowsProjection('r', {
      version: 1,
      from,
      row: Doc,
      // @ts-expect-error -- one row instead of a list
      on: { Opened: (e) => ({ owner: e.data.owner, cents: 0 }) },
      otherwise: 'ignore',
    })
    sqlProjection('s', {
      version: 1,
      from,
      tables: {},
      // @ts-expect-error -- must be awaited
      on: { Opened: () => 1 },
      otherwise: 'ignore',
    })
  })
})

describe('a query', () => {
  const Accounts = projection('accounts', {
    ...base,
    on: { Opened: (e) => ({ owner: e.data.owner, cents: 0 }) },
    otherwise: 'ignore',
  })
  const Sql = sqlProjection('totals', {
    version: 1,
    from,
    tables: { totals: 'cents bigint' },
    on: {},
    otherwise: 'ignore',
  })
  const spec = {
    input: z.object({ id: z.string() }),
    reads: { accounts: Accounts, totals: Sql },
    may: 'anyone',
  } as const

  test('reads what it declares, by the fields that the documents have', () => {
    const named = query('q', {
      ...spec,
      freshness: eventual({ wait: '2s' }),
      run: async ({ accounts }, { id }) => accounts.get(id),
    })
    expect(named.freshness).toEqual({ mode: 'eventual', waitMs: 2_000 })
    // @ts-expect-error -- not declared
    query('q', { ...spec, run: async ({ orders }, { id }) => orders.get(id) })
    // @ts-expect-error -- the input has no such property
    query('q', { ...spec, run: async ({ accounts }, { account }) => accounts.get(account) })
    // @ts-expect-error -- no such field
    query('q', { ...spec, run: async ({ accounts }) => accounts.find({ where: { name: 'ann' } }) })
    // @ts-expect-error -- a value that the field cannot have
    query('q', { ...spec, run: async ({ accounts }) => accounts.find({ where: { cents: 'ann' } }) })
    // @ts-expect-error -- nor to sort by
    query('q', { ...spec, run: async ({ accounts }) => accounts.find({ sort: [['name', 'asc']] }) })
    // @ts-expect-error -- a document store has no SQL
    query('q', { ...spec, run: async ({ accounts }) => accounts.query('select 1') })
    // @ts-expect-error -- and a sql projection no documents
    query('q', { ...spec, run: async ({ totals }) => totals.get('a') })
    // @ts-expect-error -- the document has no such field
    query('q', { ...spec, run: async ({ accounts }, { id }) => (await accounts.get(id))?.name })
  })

  test('compares fields with what they can hold', () => {
    const Tickets = projection('tickets', {
      ...base,
      document: z.object({
        state: z.enum(['open', 'shut']),
        tags: z.array(z.enum(['red', 'blue'])),
        seat: z.int().nullable(),
        due: z.iso.datetime(),
        extra: z.unknown(),
      }),
      on: {},
      otherwise: 'ignore',
    })
    type Tickets = Parameters<DocumentReader<DocumentOf<typeof Tickets>>['find']>[0]['where']
    const fit: Tickets[] = [
      { state: 'open', tags: { has: 'red' }, seat: 4, due: { gte: '2026-01-01' }, extra: 'x' },
      { state: ['open', 'shut'], seat: { not: null }, any: [{ seat: null }, { state: 'shut' }] },
    ]
    expect(fit).toHaveLength(2)
    // @ts-expect-error -- never found, because no document has it
    const state: Tickets = { state: 'closed' }
    // @ts-expect-error -- nor by a list
    const states: Tickets = { state: ['open', 'closed'] }
    // @ts-expect-error -- nor within a list
    const tag: Tickets = { tags: { has: 'green' } }
    // @ts-expect-error -- a list is not a value
    const tags: Tickets = { tags: 'red' }
    // @ts-expect-error -- and a value no list
    const has: Tickets = { state: { has: 'open' } }
    // @ts-expect-error -- within alternatives, too
    const any: Tickets = { any: [{ state: 'closed' }] }
    expect([state, states, tag, tags, has, any]).toHaveLength(6)
  })

  test('says who may ask, and how fresh the answer is in words that are read', () => {
    // @ts-expect-error -- no policy: there is no default
    expect(() => query('q', { input: spec.input, reads: {}, run: async () => 1 })).toThrow(
      'expected query "q" to have "may", got none',
    )
    // @ts-expect-error -- not a duration
    expect(() => bounded('soon')).toThrow('expected a duration such as "500ms" or "2s", got "soon"')
  })
})

describe('a reactor', () => {
  test('reacts to events that it reads from, and sends calls', () => {
    reactor('r', {
      from,
      on: { Opened: async (e, { send }) => send(enter.call({ id: e.stream, cents: 1 })) },
    })
    // @ts-expect-error -- no such event in "from"
    expect(() => reactor('r', { from, on: { Stranger: async () => undefined } })).toThrow(
      'expected reactor "r" to handle events of its "from" list, got "Stranger"',
    )
    // @ts-expect-error -- a call is made by a command
    reactor('r', { from, on: { Opened: async (_, { send }) => send('enter') } })
    // @ts-expect-error -- the data is read as declared
    reactor('r', { from: [Opened], on: { Opened: async (e) => void e.data.cents } })
  })
})
