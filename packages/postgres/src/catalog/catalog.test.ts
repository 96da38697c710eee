import { Pool } from 'pg'
import { aggregate, event, many, table } from 'tailrace'
import type { AnyAggregate, AnyTable } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { shop, shopTables } from '../../../../test/support/shop-app.ts'
import { readCatalog } from './catalog.ts'
import { indexReport } from './index-report.ts'

let database: FreshDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pool = new Pool({ connectionString: database.url, max: 2 })
  await pool.query(shopTables)
})

afterAll(async () => {
  await pool.end()
  await database.drop()
})

const Happened = event('Happened', z.object({}))

function declare(rows: Readonly<Record<string, AnyTable>>): AnyAggregate {
  return aggregate('thing', {
    id: z.string(),
    rows,
    events: [Happened],
    write: { Happened: () => [] },
  })
}

/** The mismatches of a declaration, one text each. */
async function mismatches(rows: Readonly<Record<string, AnyTable>>): Promise<string[]> {
  const error = await readCatalog(pool, [declare(rows)]).then(
    () => undefined,
    (thrown: unknown) =>
      thrown as { code: string; message: string; details: { mismatches: string[] } },
  )
  if (error === undefined) return []
  expect(error.code).toBe('CATALOG_MISMATCH')
  for (const text of error.details.mismatches) expect(error.message).toContain(text)
  return error.details.mismatches
}

const id = z.uuid()
const version = z.int()

test('puts parents before children and finds the way of a grandchild over a composite key', async () => {
  const { aggregates } = await readCatalog(pool, shop.aggregates.values())
  const { tables } = aggregates.get('order')!
  expect(
    tables.map(({ of, parent }) => [of, parent?.of, parent?.pairs.map(({ child }) => child)]),
  ).toEqual([
    ['order', undefined, undefined],
    ['lines', 'order', ['orderId']],
    ['parcels', 'lines', ['orderId', 'line']],
  ])
  expect(tables[1]!.key.map(({ property }) => property)).toEqual(['orderId', 'line'])
})

test('leaves columns alone that the declaration does not name', async () => {
  const { aggregates } = await readCatalog(pool, shop.aggregates.values())
  expect(aggregates.get('order')!.root.columns.map(({ name }) => name)).not.toContain('internal')
})

test('names a table that is missing', async () => {
  expect(await mismatches({ thing: table('things', z.object({ id, version })) })).toEqual([
    'table things: expected for "thing" of aggregate "thing", got none of that name',
  ])
})

test('names a view where a table is expected', async () => {
  await pool.query('create view seen as select * from orders')
  expect(await mismatches({ thing: table('seen', z.object({ id, version })) })).toEqual([
    'table seen: expected a table, got a view',
  ])
})

test('lists every mismatch at once', async () => {
  await pool.query(
    'create table plain (id uuid primary key, version text, amount numeric not null, hidden int not null, at timestamptz)',
  )
  const row = z.object({ id, version, amount: z.number(), lost: z.string(), at: z.string() })
  expect(await mismatches({ thing: table('plain', row) })).toEqual([
    'table plain: expected column version to be bigint not null, got text',
    'table plain: expected column amount to hold number for property "amount", got numeric; numeric is read as a string, so that no digit is lost',
    'table plain: expected a column lost for property "lost", got none',
    'table plain: expected property "at" to be nullable, since column at may be null; got one that is never null',
    'table plain: expected property "hidden" in the row schema, since column hidden is NOT NULL without a default; got none',
  ])
})

test('says which nulls do not fit', async () => {
  await pool.query(
    'create table nulls (id uuid primary key, version bigint not null, a int not null, b int not null, c int)',
  )
  const row = z.object({
    id,
    version,
    a: z.int().nullable(),
    b: z.int().optional(),
    c: z.int().optional(),
  })
  expect(await mismatches({ thing: table('nulls', row) })).toEqual([
    'table nulls: expected property "a" never to be null or missing, since column a is NOT NULL; got a schema that allows it',
    'table nulls: expected property "b" never to be null or missing, since column b is NOT NULL; got a schema that allows it',
    'table nulls: expected property "c" to be nullable, since column c may be null; got an optional one; a missing value is read as null',
  ])
})

test('tells column types apart, also of lists', async () => {
  await pool.query(`create domain money_minor as bigint;
    create type mood as enum ('good', 'bad');
    create table typed (id uuid primary key, version int not null, whole money_minor not null, mood mood not null,
      flag boolean not null, names text[] not null, counts int[] not null, ratio float8 not null, doc jsonb not null)`)
  const right = z.object({
    id,
    version,
    whole: z.int(),
    mood: z.enum(['good', 'bad']),
    flag: z.boolean(),
    names: z.array(z.string()),
    counts: z.array(z.int()),
    ratio: z.number(),
    doc: z.object({ a: z.string() }),
  })
  expect(await mismatches({ thing: table('typed', right) })).toEqual([])
  const wrong = z.object({
    id,
    version,
    whole: z.string(),
    mood: z.int(),
    flag: z.string(),
    names: z.array(z.int()),
    counts: z.int(),
    ratio: z.literal('x'),
    doc: z.object({ a: z.string() }),
  })
  expect(
    (await mismatches({ thing: table('typed', wrong) })).map((text) =>
      / column (\w+) to hold (.+) for/.exec(text)?.slice(1),
    ),
  ).toEqual([
    ['whole', 'string'],
    ['mood', 'integer'],
    ['flag', 'string'],
    ['names', 'array of integer'],
    ['counts', 'integer'],
    ['ratio', 'string'],
  ])
})

test('says that a root has no version, or another key', async () => {
  await pool.query('create table unversioned (id uuid, code text primary key)')
  expect(
    await mismatches({
      // @ts-expect-error -- the compiler says it too
      thing: table('unversioned', z.object({ id: id.nullable(), code: z.string() })),
    }),
  ).toEqual([
    'table unversioned: expected the primary key (id), got (code)',
    "table unversioned: expected a column version (bigint not null) on a root table, got none; the engine keeps the aggregate's version in it",
  ])
})

test('says that a child has another key, or none', async () => {
  await pool.query(
    `create table keyless (order_id uuid not null references orders, n int not null)`,
  )
  const rows = {
    order: table('orders', shop.aggregates.get('order')!.rows['order'].schema),
    lines: many(
      'order_lines',
      z.object({
        orderId: id,
        line: z.int(),
        sku: z.string(),
        quantity: z.int(),
        unitMinor: z.int(),
      }),
      'line',
    ),
    keyless: many('keyless', z.object({ orderId: id, n: z.int() }), ['orderId', 'n']),
  }
  expect(await mismatches(rows)).toEqual([
    'table order_lines: expected the primary key (line), got (order_id, line)',
    'table keyless: expected the primary key (order_id, n), got none',
  ])
})

test('says that no foreign key leads to the root, that several do, or that one may be null', async () => {
  await pool.query(`
    create table parents (id uuid primary key, version bigint not null);
    create table strays (id uuid primary key);
    create table doubles (id uuid primary key, a uuid not null references parents, b uuid not null references parents);
    create table loose (id uuid primary key, parent_id uuid references parents);
    create table owned (parent_id uuid not null references parents, n int, other_id uuid not null references parents, primary key (parent_id, n))`)
  const rows = {
    thing: table('parents', z.object({ id, version })),
    strays: many('strays', z.object({ id })),
    doubles: many('doubles', z.object({ id, a: id, b: id })),
    loose: many('loose', z.object({ id, parentId: id.nullable() })),
    owned: many('owned', z.object({ parentId: id, n: z.int(), otherId: id }), ['parentId', 'n']),
  }
  expect(await mismatches(rows)).toEqual([
    'table doubles: expected one foreign key that leads to the root, got doubles_a_fkey and doubles_b_fkey; make one of them part of the primary key',
    'table loose: expected column parent_id to be NOT NULL, since it leads to the root; got one that may be null',
    'table strays: expected a foreign key from "strays" to parents, directly or through another child table, got none',
  ])
})

test('wants the columns that lead to the root in the row schema', async () => {
  await pool.query(
    `create table tops (id uuid primary key, version bigint not null);
     create table notes (id uuid primary key, top_id uuid not null default gen_random_uuid() references tops)`,
  )
  const rows = {
    thing: table('tops', z.object({ id, version })),
    notes: many('notes', z.object({ id })),
  }
  expect(await mismatches(rows)).toEqual([
    'table notes: expected property "topId" in the row schema, since column top_id leads to the root; got none',
  ])
})

test('says that two declarations name one table', async () => {
  const twice = {
    a: table('accounts', shop.aggregates.get('account')!.rows['account'].schema),
    b: many('accounts', z.object({ id: z.string(), version, balance: z.int() })),
  }
  expect(await mismatches(twice)).toContain(
    'table accounts: expected one declaration, got two, "a" of aggregate "thing" and "b" of aggregate "thing"',
  )
})

test('finds tables in a schema that the declaration names', async () => {
  await pool.query(
    'create schema sales; create table sales.deals (id uuid primary key, version bigint not null)',
  )
  const { aggregates } = await readCatalog(pool, [
    declare({ deal: table('sales.deals', z.object({ id, version })) }),
  ])
  expect(aggregates.get('thing')!.root.sqlName).toBe('"sales"."deals"')
})

test('takes every column where a schema library cannot describe its rows', async () => {
  const schema = {
    '~standard': { version: 1, vendor: 'own', validate: (value: unknown) => ({ value }) },
  } as never
  const { aggregates } = await readCatalog(pool, [declare({ account: table('accounts', schema) })])
  expect(aggregates.get('thing')!.root.columns.map(({ property }) => property)).toEqual([
    'id',
    'version',
    'balance',
  ])
})

test('reports indexes beyond primary and foreign keys, and foreign keys without an index', async () => {
  expect(await indexReport(pool, shop.aggregates.values())).toEqual({ beyond: [], missing: [] })
  await pool.query(
    'create index on orders (customer); create index lines_sku on order_lines (lower(sku)); drop index parcels_line',
  )
  expect(await indexReport(pool, shop.aggregates.values())).toEqual({
    beyond: ['public.orders_customer_idx', 'public.lines_sku'],
    missing: ['public.parcels (order_id, line)'],
  })
})
