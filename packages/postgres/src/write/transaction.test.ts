import { randomUUID } from 'node:crypto'
import { WriteFailed, type WriteConflict, type WriteTransaction } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Account, Order } from '../../../../test/support/shop-app.ts'
import { accountRow, batch, command, newOrder, noted } from '../../../../test/support/shop-batch.ts'
import {
  shopDatabase,
  shopExecutor,
  type ShopDatabase,
} from '../../../../test/support/shop-store.ts'
import type { PostgresWriteStore } from './postgres-write-store.ts'

let database: ShopDatabase
let store: PostgresWriteStore

beforeAll(async () => {
  database = await shopDatabase()
  store = await database.store()
})

afterAll(() => database.drop())

const done = (more: Parameters<typeof batch>[0] = {}) => ({
  commit: batch({ commands: [command('t')], ...more }),
  value: undefined,
})

test('commits what the body returns, and gives its value', async () => {
  const id = randomUUID()
  const { value, committed } = await store.transaction(async (tx) => {
    await tx.write(newOrder(id))
    const seen = await tx.query<{ note: string | null }>('select note from orders where id = $1', [
      id,
    ])
    expect(seen).toEqual({ rows: [{ note: null }], rowCount: 1 })
    return { commit: noted(id, 1, 'second'), value: 'answer' }
  })
  expect(value).toBe('answer')
  const record = await database.one(
    'select xid::text from tailrace.command_record where aggregate_id = $1 and version = 2',
    [id],
  )
  expect(committed?.xid).toBe(record)
  expect((await store.load([{ aggregate: Order, id }], [])).aggregates[0]?.root).toMatchObject({
    version: 2,
    note: 'second',
  })
})

test('rolls everything back when there is nothing to commit, and when the body throws', async () => {
  const id = randomUUID()
  const nothing = await store.transaction(async (tx) => {
    await tx.write(newOrder(id))
    return { commit: undefined, value: 'rejected' }
  })
  expect(nothing).toEqual({ value: 'rejected', committed: undefined })
  const own = new RangeError('a rule of the application')
  const thrown = store.transaction(async (tx) => {
    await tx.write(newOrder(id))
    throw own
  })
  await expect(thrown).rejects.toBe(own)
  expect((await store.load([{ aggregate: Order, id }], [])).aggregates).toEqual([undefined])
})

test('locks a root until the end, so that others wait for it', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  const order: string[] = []
  let other: Promise<unknown> | undefined
  await store.transaction(async (tx) => {
    const rows = await tx.lock({ aggregate: Order, id })
    expect(rows?.children['lines']).toHaveLength(2)
    other = store.commit(noted(id, 1, 'other')).then(
      () => order.push('other won'),
      (error: unknown) => order.push(`other ${(error as WriteConflict).kind}`),
    )
    await waitUntil(async () => (await waiting()) === 1)
    order.push('first')
    return { commit: noted(id, 1, 'first'), value: undefined }
  })
  await other
  expect(order).toEqual(['first', 'other version'])
})

test('finds no row to lock under an id that none can have', async () => {
  await store.transaction(async (tx) => {
    expect(await tx.lock({ aggregate: Order, id: randomUUID() })).toBeUndefined()
    expect(await tx.lock({ aggregate: Order, id: 'x' })).toBeUndefined()
    expect(await tx.lock({ aggregate: Account, id: '\u0000' })).toBeUndefined()
    return { commit: undefined, value: undefined }
  })
})

test('lets a rule over a set of rows hold although two commands check it at once', async () => {
  const total = 'select coalesce(sum(balance), 0)::int as sum from accounts'
  const both = Promise.withResolvers<void>()
  let read = 0
  // Each sees room for one more; together they would break the rule.
  const attempt = (id: string) =>
    store.transaction(async (tx) => {
      const { rows } = await tx.query<{ sum: number }>(total)
      if (++read === 2) both.resolve()
      await both.promise
      return done(rows[0]!.sum < 10 ? { rows: [accountRow('insert', id, 1, 10)] } : {})
    })
  const results = await Promise.allSettled([attempt('one'), attempt('two')])
  const failed = results.filter((result) => result.status === 'rejected')
  expect(failed).toHaveLength(1)
  expect(failed[0]!.reason).toMatchObject({ name: 'WriteConflict', kind: 'serialization' })
  expect(await database.one(total)).toBe(10)
})

test('tells content that the database refuses, and a race lost to another command', async () => {
  const body = (sql: string) => store.transaction(async (tx) => (await tx.query(sql), done()))
  await expect(body(`insert into accounts values ('minus', 1, -5)`)).rejects.toMatchObject({
    name: 'WriteFailed',
    sqlState: '23514',
  })
  await expect(body('select nonsense')).rejects.toBeInstanceOf(WriteFailed)
  const record = command('twice')
  await store.transaction(async () => done({ commands: [record] }))
  await expect(store.transaction(async () => done({ commands: [record] }))).rejects.toMatchObject({
    kind: 'command',
  })
})

test('runs again after a serialization failure although the body hid it', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  const hidden = store.transaction(async (tx) => {
    await tx.query('select 1')
    await store.commit(noted(id, 1, 'meanwhile'))
    await tx.query('update orders set note = null where id = $1', [id]).catch(() => undefined)
    throw new Error('something of the body')
  })
  await expect(hidden).rejects.toMatchObject({ name: 'WriteConflict', kind: 'serialization' })
})

test('does not take a transaction for committed whose failure the body swallowed', async () => {
  const record = command('swallowed')
  const swallowed = store.transaction(async (tx) => {
    await tx.query(`insert into accounts values ('bad', 1, -5)`).catch(() => undefined)
    return done({ commands: [record] })
  })
  // The write that follows is refused with the reason of the first failure.
  await expect(swallowed).rejects.toMatchObject({ name: 'WriteFailed', sqlState: '23514' })
  expect((await store.load([], [record.commandId])).commands).toEqual([undefined])
})

test.each([
  'commit',
  'ROLLBACK',
  '  begin',
  'start  transaction',
  'end',
  'abort',
  'notify x',
  'listen x',
  "select pg_notify('a', 'b')",
])('refuses "%s" inside a transaction', async (sql) => {
  const refused = store.transaction(async (tx) => (await tx.query(sql), done()))
  await expect(refused).rejects.toMatchObject({ code: 'CONFIG' })
})

test('lets the body use savepoints', async () => {
  await store.transaction(async (tx) => {
    await tx.query('savepoint s')
    await tx.query(`insert into accounts values ('bad', 1, -5)`).catch(() => undefined)
    await tx.query('rollback to savepoint s')
    await tx.query(`insert into accounts values ('good', 1, 5)`)
    return done()
  })
  expect(await database.one(`select count(*)::int from accounts where id in ('good', 'bad')`)).toBe(
    1,
  )
})

test('refuses to be used after its end', async () => {
  let kept: WriteTransaction | undefined
  await store.transaction(async (tx) => {
    kept = tx
    return { commit: undefined, value: undefined }
  })
  await expect(kept!.query('select 1')).rejects.toMatchObject({ code: 'ADAPTER_CLOSED' })
  await expect(kept!.write(newOrder())).rejects.toMatchObject({ code: 'ADAPTER_CLOSED' })
})

test('reads values of free SQL as rows have them', async () => {
  await store.transaction(async (tx) => {
    await tx.query(`set local timezone = 'America/St_Johns'`)
    const { rows } = await tx.query(`
      select 9007199254740991::int8 as whole, 1.50::numeric as exact, timestamptz '2026-11-26 01:02:03.456Z' as at,
        date '2026-02-28' as day, true as yes, null::int8 as nothing, '{"a": [1]}'::jsonb as doc, 0.1::float8 as ratio,
        array['a,b', '"', null, 'NULL', '', '\\'] as names, array[[1, 2], [3, 4]]::int8[] as grid, '{}'::text[] as none,
        array[timestamptz '2026-11-26 01:02:03Z'] as times, array['{"b": 1}'::jsonb] as docs`)
    expect(rows[0]).toEqual({
      whole: Number.MAX_SAFE_INTEGER,
      exact: '1.50',
      at: '2026-11-26T01:02:03.456Z',
      day: '2026-02-28',
      yes: true,
      nothing: null,
      doc: { a: [1] },
      ratio: 0.1,
      names: ['a,b', '"', null, 'NULL', '', '\\'],
      grid: [
        [1, 2],
        [3, 4],
      ],
      none: [],
      times: ['2026-11-26T01:02:03.000Z'],
      docs: [{ b: 1 }],
    })
    await expect(tx.query('select 9007199254740993::int8')).rejects.toMatchObject({
      code: 'ROW_INTEGER_TOO_LARGE',
    })
    return { commit: undefined, value: undefined }
  })
})

test('runs transactional commands of two processes over the same accounts until each has its effect once', async () => {
  const failures: unknown[] = []
  const options = { onFailure: (error: unknown) => failures.push(error) }
  const executors = [shopExecutor(store, options), shopExecutor(await database.store(), options)]
  for (const account of ['x', 'y', 'z']) await executors[0]!.submit('move', { account, by: 100 })
  const pairs = [
    ['x', 'y'],
    ['y', 'z'],
    ['z', 'x'],
    ['y', 'x'],
  ] as const
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, i) => {
      const [from, to] = pairs[i % 4]!
      return executors[i % 2]!.submit('transfer', { from, to, amount: 1 })
    }),
  )
  expect(failures).toEqual([])
  for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'committed' })
  const { aggregates } = await store.load(
    ['x', 'y', 'z'].map((id) => ({ aggregate: Account, id })),
    [],
  )
  expect(aggregates.map((one) => one?.root['balance'])).toEqual([110, 90, 100])
  for (const one of aggregates) {
    const versions = await database.pool.query(
      'select version::int from tailrace.event_log where aggregateid = $1 order by id',
      [one!.root['id']],
    )
    expect(versions.rows.map(({ version }) => version)).toEqual(versions.rows.map((_, i) => i + 1))
    expect(one!.root['version']).toBe(versions.rows.length)
  }
})

const waiting = () =>
  database.one<number>(
    `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 5_000; i++) if (await condition()) return
  throw new Error('expected the condition to come true, got 5,000 tries without')
}
