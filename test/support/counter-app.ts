import { aggregate, app, event, projection, query, table } from 'tailrace'
import { z } from 'zod'

// The smallest application with every kind of reading: counters that are written often and read back at once.

export const counterTables = `create table counters (id text primary key, version bigint not null, total bigint not null)`

export const Added = event('Added', z.object({ by: z.int(), total: z.int() }))

export const Counter = aggregate('counter', {
  id: z.string(),
  rows: {
    counter: table('counters', z.object({ id: z.string(), version: z.int(), total: z.int() })),
  },
  events: [Added],
  write: {
    Added: ({ data, version }, to) => [
      version === 1
        ? to.counter.insert({ total: data.total })
        : to.counter.update({ total: data.total }),
    ],
  },
})

export const add = Counter.command('add', {
  input: z.object({ id: z.string(), by: z.int() }),
  target: ({ id }) => id,
  on: 'either',
  may: 'anyone',
  decide: ({ input, rows }) =>
    Added({ by: input.by, total: (rows?.counter.total ?? 0) + input.by }),
})

const Total = z.object({ id: z.string(), total: z.int(), version: z.int() })

function totals<const N extends string>(name: N) {
  return projection(name, {
    version: 1,
    from: Counter.events,
    document: Total,
    key: (e) => e.stream,
    on: { Added: (e) => ({ id: e.stream, total: e.data.total, version: e.version }) },
  })
}

/** For a key-value store. */
export const Totals = totals('totals')
/** For PostgreSQL tables. */
export const TotalTables = totals('total-tables')

const byId = z.object({ id: z.string() })

export const total = query('total', {
  input: byId,
  reads: { totals: Totals },
  may: 'anyone',
  run: async ({ totals: read }, { id }) => (await read.get(id)) ?? null,
})

export const totalFromTables = query('totalFromTables', {
  input: byId,
  reads: { totals: TotalTables },
  may: 'anyone',
  run: async ({ totals: read }, { id }) => (await read.get(id)) ?? null,
})

export const bothTotals = query('bothTotals', {
  input: byId,
  reads: { totals: Totals, tables: TotalTables },
  may: 'anyone',
  run: async ({ totals: read, tables }, { id }) => ({
    totals: await read.get(id),
    tables: await tables.get(id),
  }),
})

export function counterApp() {
  return app({
    aggregates: { Counter },
    commands: { add },
    projections: { Totals, TotalTables },
    queries: { total, totalFromTables, bothTotals },
  })
}
