import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Account, Order } from '../../../../test/support/shop-app.ts'
import {
  accountRow,
  batch,
  change,
  command,
  happened,
  lineRow,
  newOrder,
  orderRow,
  placedAt,
} from '../../../../test/support/shop-batch.ts'
import { shopDatabase, type ShopDatabase } from '../../../../test/support/shop-store.ts'
import type { PostgresWriteStore } from './postgres-write-store.ts'

let database: ShopDatabase
let store: PostgresWriteStore

beforeAll(async () => {
  database = await shopDatabase()
  store = await database.store()
})

afterAll(() => database.drop())

const order = (id: string) => ({ aggregate: Order, id })
const account = (id: string) => ({ aggregate: Account, id })

async function loadOrder(id: string) {
  return (await store.load([order(id)], [])).aggregates[0]
}

const timer = (stream: string, at: string | undefined, input: unknown = null) => ({
  schedule: 's',
  stream,
  at,
  command: 'c',
  input,
})

test('gives rows back as they were written, of every kind of column', async () => {
  const id = randomUUID()
  const row = orderRow(id, {
    totalMinor: Number.MAX_SAFE_INTEGER,
    note: 'naïve "quoted" \\ , {} 日本 😀 \n\t',
    tags: ['', 'NULL', 'a,b', '"', '\\'],
    extra: { deep: [1, { x: null }], text: '"}{' },
    raw: [1.5, true, 'x'],
    factor: '12345678.1234',
    placedAt: '1999-12-31T23:59:59.999Z',
    dueOn: '2026-02-28',
    seenAt: ['2026-01-01T00:00:00.000Z', '2026-07-01T12:00:00.250Z'],
    paid: true,
  })
  await store.commit(batch({ rows: [change('insert', id, 'order', row)], commands: [command(id)] }))
  expect((await loadOrder(id))?.root).toEqual(row)
  const emptied = orderRow(id, { version: 2, tags: [], seenAt: [] })
  await store.commit(
    batch({
      rows: [change('update', id, 'order', emptied)],
      guards: [{ ...order(id), expected: 1 }],
      commands: [command(id)],
    }),
  )
  expect((await loadOrder(id))?.root).toEqual(emptied)
})

test('reads the same on a connection with another time zone and date style', async () => {
  const id = randomUUID()
  const given = orderRow(id, { dueOn: '2026-03-04', seenAt: [placedAt] })
  await store.commit(
    batch({ rows: [change('insert', id, 'order', given)], commands: [command(id)] }),
  )
  const elsewhere = await database.store({
    pool: {
      async connect() {
        const client = await database.pool.connect()
        await client.query(
          "set timezone = 'Asia/Kathmandu'; set datestyle = 'German, DMY'; set extra_float_digits = 0",
        )
        return client
      },
    },
  })
  expect((await elsewhere.load([order(id)], [])).aggregates[0]?.root).toEqual(given)
})

test('loads many aggregates of several kinds in one statement, in the order asked for, and records with them', async () => {
  const [a, b] = [randomUUID(), randomUUID()]
  const record = command('acc', {
    rejection: { code: 'NO', kind: 'rule', detail: { left: 3 } },
    state: 'rejected',
    version: 0,
    slots: [],
  })
  const first = newOrder(a)
  await store.commit(first)
  await store.commit(newOrder(b))
  const { xid } = await store.commit(
    batch({
      rows: [accountRow('insert', 'acc', 1, 10)],
      events: [happened('acc')],
      commands: [record],
    }),
  )
  const missing = randomUUID()
  const loaded = await store.load(
    [order(b), account('acc'), order(missing), order(a), order(b), account('nobody')],
    [missing, record.commandId, first.commands[0]!.commandId],
  )
  expect(loaded.aggregates.map((one) => one?.root['id'])).toEqual([
    b,
    'acc',
    undefined,
    a,
    b,
    undefined,
  ])
  expect(loaded.aggregates[3]?.children).toEqual({
    lines: [lineRow(a, 1), lineRow(a, 2)],
    parcels: [],
  })
  expect(loaded.aggregates[1]?.children).toEqual({})
  expect(loaded.commands).toEqual([
    undefined,
    { ...record, xid, at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) },
    expect.objectContaining({
      commandId: first.commands[0]!.commandId,
      state: 'committed',
      rejection: undefined,
      slots: [7],
    }),
  ])
})

test('puts children of children to their aggregate, in key order', async () => {
  const [a, b] = [randomUUID(), randomUUID()]
  await store.commit(newOrder(a))
  await store.commit(newOrder(b))
  const parcels = [1, 2, 1].map((line) => ({ id: randomUUID(), orderId: a, line, tracking: 't' }))
  await store.commit(
    batch({
      rows: [
        change('update', a, 'order', orderRow(a, { version: 2 })),
        ...parcels.map((row) => change('insert', a, 'parcels', row)),
        ...[10, 3].map((line) => change('insert', a, 'lines', lineRow(a, line))),
      ],
      guards: [{ ...order(a), expected: 1 }],
      commands: [command(a)],
    }),
  )
  const [one, other] = (await store.load([order(a), order(b)], [])).aggregates
  expect(one?.children['parcels']).toEqual(parcels.toSorted((x, y) => (x.id < y.id ? -1 : 1)))
  expect(one?.children['lines']?.map((line) => line['line'])).toEqual([1, 2, 3, 10])
  expect(other?.children['parcels']).toEqual([])
})

test('finds nothing under an id that no row can have', async () => {
  const loaded = await store.load(
    [order('not a uuid'), account('nul\u0000'), account('\ud800'), order("'; drop table orders")],
    ['also not'],
  )
  expect(loaded).toEqual({
    aggregates: [undefined, undefined, undefined, undefined],
    commands: [undefined],
  })
})

test('finds a row by a uuid in capital letters', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  expect((await loadOrder(id.toUpperCase()))?.root['id']).toBe(id)
})

test('refuses to round an integer beyond 2^53', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  await database.pool.query('update orders set total_minor = 9007199254740993 where id = $1', [id])
  await expect(loadOrder(id)).rejects.toMatchObject({
    code: 'ROW_INTEGER_TOO_LARGE',
    details: { column: 'total_minor' },
  })
})

test('puts events into the log in the order of the batch, with every field', async () => {
  const id = randomUUID()
  const events = Array.from({ length: 300 }, (_, i) =>
    happened(id, {
      version: i + 1,
      ordinal: i % 3,
      slot: 255,
      schemaVersion: 2,
      type: `T${i}`,
      data: i === 0 ? null : { i, text: '"\\{} \\u0000 \\ud800 😀' },
      causationId: i === 1 ? 'cause' : undefined,
      traceparent: i === 2 ? '00-a-b-01' : undefined,
    }),
  )
  const { xid } = await store.commit(batch({ events, commands: [command(id)] }))
  const { rows } = await database.pool.query(
    'select * from tailrace.event_log where aggregateid = $1 order by id',
    [id],
  )
  expect(rows.map(({ type }) => type)).toEqual(events.map(({ type }) => type))
  expect(rows.slice(0, 3).map((row) => row.payload)).toEqual(
    events.slice(0, 3).map(({ data }) => data),
  )
  expect(rows[1]).toMatchObject({
    xid,
    version: '2',
    slot: 255,
    schema_version: 2,
    ordinal: 1,
    aggregatetype: 'order',
    causation_id: 'cause',
    traceparent: null,
    command_id: events[1]!.commandId,
  })
  expect(rows[2].traceparent).toBe('00-a-b-01')
})

test('sets, replaces and cancels timers; the last word of a batch counts', async () => {
  const read = async () =>
    (
      await database.pool.query(
        `select stream, id, input, hidden_until from tailrace.timer where schedule = 's' order by stream`,
      )
    ).rows
  await store.commit(
    batch({
      timers: [timer('a', placedAt), timer('b', placedAt, { n: 1 })],
      commands: [command('t')],
    }),
  )
  await database.pool.query('update tailrace.timer set hidden_until = now()')
  const before = await read()
  expect(before).toMatchObject([
    { stream: 'a', input: null },
    { stream: 'b', input: { n: 1 } },
  ])
  await store.commit(
    batch({
      timers: [
        timer('a', undefined),
        timer('b', undefined),
        timer('b', placedAt, { n: 2 }),
        timer('c', undefined),
      ],
      commands: [command('t')],
    }),
  )
  const after = await read()
  expect(after).toMatchObject([{ stream: 'b', input: { n: 2 }, hidden_until: null }])
  expect(after[0].id).not.toBe(before[1].id)
})
