import { randomUUID } from 'node:crypto'
import { Pool, type PoolClient } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command, newOrder, noted, batch } from '../../../../test/support/shop-batch.ts'
import {
  shopDatabase,
  shopExecutor,
  type ShopDatabase,
} from '../../../../test/support/shop-store.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import type { SqlClient, SqlPool, SqlResult, SqlStatement } from '../sql-pool.ts'
import { PostgresWriteStore } from './postgres-write-store.ts'

let database: ShopDatabase

beforeAll(async () => {
  database = await shopDatabase()
  // Holds an insert into order_lines at the end of its statement, when all rows are written, until lock 42 is free.
  await database.pool.query(`
    create function hold() returns trigger language plpgsql as $$
    begin
      if new.sku = 'held' then perform pg_advisory_xact_lock_shared(42); end if;
      return null;
    end $$;
    create trigger hold after insert on order_lines for each row execute function hold()`)
})

afterAll(() => database.drop())

const line = (sku: string) => ({ sku, quantity: 1, unitMinor: 1 })
const place = (orderId: string, sku = 'A') => ({ orderId, customer: 'ann', lines: [line(sku)] })

/** A pool whose statements can be disturbed. */
class DisturbedPool implements SqlPool {
  readonly real: Pool
  /** Which statements to disturb. */
  only = /^(with|commit)/
  /** Called once with the next of them; what it returns is the answer. */
  disturb: ((client: PoolClient, send: () => Promise<SqlResult>) => Promise<SqlResult>) | undefined

  constructor(url: string, max: number) {
    this.real = new Pool({ connectionString: url, max })
    this.real.on('error', () => undefined)
  }

  async connect(): Promise<SqlClient> {
    const client = await this.real.connect()
    const send = client.query.bind(client) as unknown as (
      statement: SqlStatement,
    ) => Promise<SqlResult>
    return {
      query: (statement) => {
        const { disturb } = this
        const writes = this.only.test(statement.text)
        if (!writes || disturb === undefined) return send(statement)
        this.disturb = undefined
        return disturb(client, () => send(statement))
      },
      release: (destroy) => client.release(destroy),
      on: (event, listener) => client.on(event, listener),
      removeListener: (event, listener) => client.removeListener(event, listener),
    }
  }
}

/** Ends the server's side of every connection to this database but the test's own. */
async function terminate(where = 'true'): Promise<number> {
  const { rows } = await database.pool.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and application_name = 'tested' and ${where}`,
  )
  return rows.length
}

function setUp(max = 3): DisturbedPool {
  const pool = new DisturbedPool(`${database.url}?application_name=tested`, max)
  onEnd.push(() => pool.real.end())
  return pool
}

const onEnd: (() => Promise<void>)[] = []
afterAll(async () => {
  await Promise.all(onEnd.map((end) => end()))
})

/** The server commits; its answer does not arrive. */
async function loseAnswer(client: PoolClient, send: () => Promise<SqlResult>): Promise<SqlResult> {
  await send()
  cut(client)
  throw new Error('Connection terminated unexpectedly')
}

/** The way to the server is gone; the server does not know and goes on. */
function cut(client: PoolClient): void {
  ;(
    client as unknown as { connection: { stream: { destroy(): void } } }
  ).connection.stream.destroy()
}

/** The server ends the connection before the statement arrives. */
async function endFirst(client: PoolClient, send: () => Promise<SqlResult>): Promise<SqlResult> {
  const { processID } = client as unknown as { processID: number }
  await database.pool.query('select pg_terminate_backend($1, 5000)', [processID])
  return send()
}

async function isOnce(orderId: string): Promise<void> {
  const count = (table: string, column: string) =>
    database.one<number>(`select count(*)::int from ${table} where ${column} = $1`, [orderId])
  expect(await count('orders', 'id')).toBe(1)
  expect(await count('tailrace.event_log', 'aggregateid')).toBe(1)
  expect(await count('tailrace.command_record', 'aggregate_id')).toBe(1)
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 5_000; i++) if (await condition()) return
  throw new Error('expected the condition to come true, got 5,000 tries without')
}

/** Makes inserts of a line "held" wait; the answer lets them go on. */
async function holdLock(): Promise<() => Promise<void>> {
  const holder = await database.pool.connect()
  await holder.query('begin; select pg_advisory_xact_lock(42)')
  return async () => {
    await holder.query('commit')
    holder.release()
  }
}

const waiting = (many: number) => async () =>
  (await database.one<number>(
    `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )) >= many

test('replaces connections that were ended while idle', async () => {
  const pool = setUp()
  const store = await database.store({ pool })
  const executor = shopExecutor(store)
  await Promise.all([1, 2, 3].map(() => executor.submit('placeOrder', place(randomUUID()))))
  expect(await terminate()).toBeGreaterThan(0)
  const orderId = randomUUID()
  expect(await executor.submit('placeOrder', place(orderId))).toMatchObject({ kind: 'committed' })
  await isOnce(orderId)
})

test('says that nothing happened when there is no connection to have', async () => {
  const { catalog } = await database.store()
  const pool: SqlPool = { connect: () => Promise.reject(new Error('connect ECONNREFUSED')) }
  const offline = new PostgresWriteStore({
    pool,
    schema: 'tailrace',
    catalog,
    clock: systemClock(),
  })
  const unavailable = { code: 'UNAVAILABLE', retryable: true }
  await expect(offline.load([], [])).rejects.toMatchObject(unavailable)
  await expect(offline.commit(newOrder())).rejects.toMatchObject(unavailable)
  await expect(offline.commitEach([newOrder()])).rejects.toMatchObject(unavailable)
  const transaction = offline.transaction(async () => ({ commit: undefined, value: 1 }))
  await expect(transaction).rejects.toMatchObject(unavailable)
})

test('says that the outcome is unknown when the connection is ended in the middle of a commit', async () => {
  const store = await database.store({ pool: setUp() })
  const release = await holdLock()
  const held = newOrder()
  const rows = held.rows.map((change) =>
    change.of === 'lines' ? { ...change, row: { ...change.row, sku: 'held' } } : change,
  )
  const unknown = expect(store.commit({ ...held, rows })).rejects.toMatchObject({
    code: 'COMMAND_OUTCOME_UNKNOWN',
    retryable: true,
  })
  await waitUntil(waiting(1))
  expect(await terminate(`wait_event_type = 'Lock'`)).toBe(1)
  await unknown
  await release()
  expect((await store.load([], [held.commands[0]!.commandId])).commands).toEqual([undefined])
})

test('finds out by the record that a command ended before its commit did not happen, and runs it', async () => {
  const executor = shopExecutor(await database.store({ pool: setUp() }))
  const release = await holdLock()
  const orderId = randomUUID()
  const outcome = executor.submit('placeOrder', place(orderId, 'held'))
  await waitUntil(waiting(1))
  expect(await terminate(`wait_event_type = 'Lock'`)).toBe(1)
  await release()
  expect(await outcome).toMatchObject({ kind: 'committed', version: 1 })
  await isOnce(orderId)
})

test('finds out by the record that a command whose answer was lost did happen, and does not run it again', async () => {
  const pool = setUp()
  const executor = shopExecutor(await database.store({ pool }))
  const orderId = randomUUID()
  pool.disturb = loseAnswer
  expect(await executor.submit('placeOrder', place(orderId))).toMatchObject({
    kind: 'committed',
    aggregateId: orderId,
    version: 1,
  })
  await isOnce(orderId)
})

test('waits for a lost transaction that is still under way, and takes its outcome', async () => {
  const pool = setUp()
  const executor = shopExecutor(await database.store({ pool }))
  const release = await holdLock()
  const orderId = randomUUID()
  pool.disturb = async (client, send) => {
    const sent = send()
    await Promise.race([sent, waitUntil(waiting(1))])
    cut(client)
    return sent
  }
  const outcome = executor.submit('placeOrder', place(orderId, 'held'))
  // Two wait now: the lost transaction for the lock, and the second try for the lost transaction.
  await waitUntil(waiting(2))
  await release()
  expect(await outcome).toMatchObject({ kind: 'committed', version: 1 })
  await isOnce(orderId)
})

test('settles every command of a batch whose connection was ended', async () => {
  const pool = setUp()
  const executor = shopExecutor(await database.store({ pool }))
  const ids = Array.from({ length: 30 }, () => randomUUID())
  pool.disturb = endFirst
  const outcomes = await Promise.all(ids.map((id) => executor.submit('placeOrder', place(id))))
  for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'committed', version: 1 })
  for (const id of ids) await isOnce(id)
})

test('says of many entries that nothing happened before their commit was sent, and unknown after', async () => {
  const pool = setUp()
  const store = await database.store({ pool })
  pool.disturb = endFirst
  await expect(store.commitEach([newOrder(), newOrder()])).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  const entries = [newOrder(), newOrder()]
  pool.only = /^commit/
  pool.disturb = loseAnswer
  await expect(store.commitEach(entries)).rejects.toMatchObject({ code: 'COMMAND_OUTCOME_UNKNOWN' })
  const ids = entries.map(({ commands }) => commands[0]!.commandId)
  const records = (await store.load([], ids)).commands
  expect(records.map((record) => record?.state)).toEqual(['committed', 'committed'])
})

test('says of a transactional command that nothing happened before its commit was sent, and unknown after', async () => {
  const pool = setUp()
  const store = await database.store({ pool })
  const inBody = store.transaction(async (tx) => {
    await terminate(`state = 'idle in transaction'`)
    await tx.query('select 1')
    return { commit: batch({ commands: [command('x')] }), value: 1 }
  })
  await expect(inBody).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const record = command('x')
  const write = async () => ({ commit: batch({ commands: [record] }), value: 1 })
  pool.disturb = endFirst
  await expect(store.transaction(write)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  pool.only = /^commit/
  pool.disturb = loseAnswer
  await expect(store.transaction(write)).rejects.toMatchObject({ code: 'COMMAND_OUTCOME_UNKNOWN' })
  expect((await store.load([], [record.commandId])).commands[0]?.state).toBe('committed')
})

test('runs a transactional command that was lost at its commit exactly once', async () => {
  const pool = setUp()
  const executor = shopExecutor(await database.store({ pool }))
  await executor.submit('move', { account: 'from', by: 100 })
  pool.only = /^commit/
  pool.disturb = loseAnswer
  const outcome = await executor.submit('transfer', { from: 'from', to: 'to', amount: 30 })
  expect(outcome).toMatchObject({ kind: 'committed' })
  const balances = `select string_agg(id || '=' || balance, ' ' order by id) from accounts`
  expect(await database.one(balances)).toBe('from=70 to=30')
})

test('prepares anew what the server has forgotten', async () => {
  const pool = setUp(1)
  const store = await database.store({ pool })
  const id = randomUUID()
  await store.commit(newOrder(id))
  await pool.real.query('deallocate all')
  await store.commit(newOrder())
  await store.load([], [])
  await pool.real.query('deallocate all')
  expect((await store.load([], [])).aggregates).toEqual([])
  await store.commit(noted(id, 1, 'x'))
})
