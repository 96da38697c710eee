import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Account, Order } from '../../../../test/support/shop-app.ts'
import { newOrder } from '../../../../test/support/shop-batch.ts'
import {
  shopDatabase,
  shopExecutor,
  type ShopDatabase,
} from '../../../../test/support/shop-store.ts'

let database: ShopDatabase

beforeAll(async () => {
  database = await shopDatabase()
})

afterAll(() => database.drop())

const lines = [
  { sku: 'A', quantity: 1, unitMinor: 1_000 },
  { sku: 'B', quantity: 2, unitMinor: 250 },
]
const place = (orderId: string, more: object = {}) => ({ orderId, customer: 'ann', lines, ...more })

/** Versions of a stream as the log has them, in log order. */
async function versions(stream: string): Promise<number[]> {
  const { rows } = await database.pool.query<{ version: string }>(
    'select version from tailrace.event_log where aggregateid = $1 order by id',
    [stream],
  )
  return rows.map(({ version }) => Number(version))
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

test('commits a command: rows, event, record and timer, in one transaction', async () => {
  const executor = shopExecutor(await database.store())
  const orderId = randomUUID()
  const outcome = await executor.submit('placeOrder', place(orderId))
  expect(outcome).toMatchObject({
    kind: 'committed',
    aggregateId: orderId,
    version: 1,
    replayed: false,
  })
  const { rows } = await database.pool.query(
    `select o.xmin::text as a, l.xmin::text as b, e.xmin::text as c, r.xmin::text as d, t.xmin::text as e
     from orders o join order_lines l on l.order_id = o.id
     join tailrace.event_log e on e.aggregateid = o.id::text
     join tailrace.command_record r on r.aggregate_id = o.id::text
     join tailrace.timer t on t.stream = o.id::text where o.id = $1`,
    [orderId],
  )
  expect(rows).toHaveLength(2)
  for (const row of rows) expect(new Set(Object.values(row)).size).toBe(1)
})

test('removes what a command removes, and its timer', async () => {
  const executor = shopExecutor(await database.store())
  const orderId = randomUUID()
  await executor.submit('placeOrder', place(orderId))
  expect(await executor.submit('removeOrder', { orderId })).toMatchObject({
    kind: 'committed',
    version: 2,
  })
  expect(await database.one('select count(*)::int from orders where id = $1', [orderId])).toBe(0)
  expect(
    await database.one('select count(*)::int from tailrace.timer where stream = $1', [orderId]),
  ).toBe(0)
})

test('lets one of many concurrent creates win, in one process and between two', async () => {
  const executors = [shopExecutor(await database.store()), shopExecutor(await database.store())]
  for (let round = 0; round < 10; round++) {
    const orderId = randomUUID()
    const outcomes = await Promise.all(
      upTo(8).map((n) =>
        executors[n % 2]!.submit('placeOrder', place(orderId, { customer: `c${n}` })),
      ),
    )
    const winners = outcomes.flatMap((outcome, i) =>
      outcome.kind === 'committed' ? [`c${i + 1}`] : [],
    )
    expect(winners).toHaveLength(1)
    expect(
      outcomes.filter(
        (outcome) => outcome.kind === 'rejected' && outcome.code === 'AGGREGATE_EXISTS',
      ),
    ).toHaveLength(7)
    expect(await database.one('select customer from orders where id = $1', [orderId])).toBe(
      winners[0],
    )
    expect(await versions(orderId)).toEqual([1])
  }
})

test('keeps versions without gap or fork while two processes fight over the same aggregates', async () => {
  const executors = [shopExecutor(await database.store()), shopExecutor(await database.store())]
  const ids = upTo(3).map(() => randomUUID())
  await Promise.all(ids.map((id) => executors[0]!.submit('placeOrder', place(id, { lines: [] }))))
  const outcomes = await Promise.all(
    upTo(240).map((n) =>
      executors[n % 2]!.submit('addLine', { orderId: ids[n % 3]!, sku: `s${n}`, quantity: n }),
    ),
  )
  for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'committed' })
  for (const id of ids) {
    expect(await versions(id)).toEqual(upTo(81))
    const loaded = (await (await database.store()).load([{ aggregate: Order, id }], []))
      .aggregates[0]!
    expect(loaded.root['version']).toBe(81)
    expect(loaded.children['lines']!.map((line) => line['line'])).toEqual(upTo(80))
  }
  const answered = outcomes.map((outcome) =>
    outcome.kind === 'committed' ? `${outcome.aggregateId}/${outcome.version}` : '',
  )
  expect(new Set(answered).size).toBe(240)
})

test('adds up while two processes fight over one hot account', async () => {
  const executors = [shopExecutor(await database.store()), shopExecutor(await database.store())]
  await Promise.all(
    upTo(200).map((n) => executors[n % 2]!.submit('move', { account: 'hot', by: n })),
  )
  const loaded = (await (await database.store()).load([{ aggregate: Account, id: 'hot' }], []))
    .aggregates[0]!
  expect(loaded.root).toEqual({ id: 'hot', version: 200, balance: (200 * 201) / 2 })
  expect(await versions('hot')).toEqual(upTo(200))
})

test('refuses the one command whose content the database refuses, and commits the others of its batch', async () => {
  const failures: unknown[] = []
  const executor = shopExecutor(await database.store(), {
    onFailure: (error) => failures.push(error),
  })
  const ids = upTo(50).map(() => randomUUID())
  const outcomes = await Promise.all(
    ids.map((id, i) =>
      executor.submit(
        'placeOrder',
        place(id, i === 20 ? { lines: [{ sku: 'A', quantity: 0, unitMinor: 1 }] } : {}),
      ),
    ),
  )
  outcomes.forEach((outcome, i) => {
    if (i === 20) expect(outcome).toMatchObject({ kind: 'refused', code: 'COMMAND_FAILED' })
    else expect(outcome).toMatchObject({ kind: 'committed', aggregateId: ids[i] })
  })
  expect(failures).toMatchObject([
    { name: 'WriteFailed', constraint: 'order_lines_quantity_check' },
  ])
  expect(await database.one('select count(*)::int from orders where id = any($1)', [ids])).toBe(49)
})

test('refuses one command among many on one aggregate', async () => {
  const executor = shopExecutor(await database.store())
  const moves = [100, -30, -500, 7]
  const outcomes = await Promise.all(
    moves.map((by) => executor.submit('move', { account: 'mixed', by })),
  )
  // The later command saw what the earlier one would have written; it is decided again without it.
  expect(outcomes.map(({ kind }) => kind)).toEqual([
    'committed',
    'committed',
    'refused',
    'committed',
  ])
  expect(await database.one('select balance::int from accounts where id = $1', ['mixed'])).toBe(77)
  expect(await versions('mixed')).toEqual([1, 2, 3])
})

test('runs commands again that a serialization failure undid', async () => {
  await database.pool.query(`
    create sequence failures;
    create function fail_twice() returns trigger language plpgsql as $$
    begin
      if new.note = 'unlucky' and nextval('failures') <= 2 then raise exception using errcode = '40001'; end if;
      return new;
    end $$;
    create trigger fail_twice before update on orders for each row execute function fail_twice()`)
  const executor = shopExecutor(await database.store())
  const ids = upTo(5).map(() => randomUUID())
  await Promise.all(ids.map((id) => executor.submit('placeOrder', place(id))))
  const outcomes = await Promise.all(
    ids.map((orderId, i) =>
      executor.submit('note', { orderId, note: i === 2 ? 'unlucky' : 'fine' }),
    ),
  )
  for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'committed', version: 2 })
  expect(await database.one('select last_value::int from failures')).toBe(3)
  for (const id of ids) expect(await versions(id)).toEqual([1, 2])
})

test('runs commands again after a deadlock with somebody else', async () => {
  const executor = shopExecutor(await database.store())
  const [a, b] = [randomUUID(), randomUUID()].toSorted() as [string, string]
  for (const id of [a, b]) await executor.submit('placeOrder', place(id))
  const other = await database.pool.connect()
  // Ours locks a, then waits for b; the other holds b and then wants a.
  await other.query("begin; set local deadlock_timeout = '10s'")
  await other.query('update orders set customer = customer where id = $1', [b])
  const ours = Promise.all([a, b].map((orderId) => executor.submit('note', { orderId, note: 'x' })))
  await waitUntil(
    async () =>
      (await database.one<number>(
        `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )) > 0,
  )
  await other.query('update orders set customer = customer where id = $1', [a])
  await other.query('commit')
  other.release()
  for (const outcome of await ours) expect(outcome).toMatchObject({ kind: 'committed', version: 2 })
})

test('answers 50 parallel commands on one pool, each with its own outcome', async () => {
  const executor = shopExecutor(await database.store())
  const ids = upTo(50).map(() => randomUUID())
  await Promise.all(
    ids.filter((_, i) => i % 5 === 0).map((id) => executor.submit('placeOrder', place(id))),
  )
  const outcomes = await Promise.all(
    ids.map((id, i) => {
      if (i % 5 === 0) return executor.submit('placeOrder', place(id))
      if (i % 5 === 1)
        return executor.submit(
          'placeOrder',
          place(id, { lines: [{ sku: 'x'.repeat(99), quantity: 1, unitMinor: 1 }] }),
        )
      if (i % 5 === 2) return executor.submit('note', { orderId: id, note: 'nobody' })
      if (i % 5 === 3) return executor.submit('transfer', { from: `poor-${i}`, to: 'x', amount: 1 })
      return executor.submit('placeOrder', place(id))
    }),
  )
  const expected = [
    { kind: 'rejected', code: 'AGGREGATE_EXISTS' },
    { kind: 'refused', code: 'COMMAND_FAILED' },
    { kind: 'refused', code: 'NOT_FOUND' },
    { kind: 'rejected', code: 'POOR' },
    { kind: 'committed', version: 1 },
  ]
  outcomes.forEach((outcome, i) => expect(outcome).toMatchObject(expected[i % 5]!))
})

test('gives the stored answer to a repeated key, also from another process and at the same time', async () => {
  const executors = [shopExecutor(await database.store()), shopExecutor(await database.store())]
  const orderId = randomUUID()
  const actor = { role: 'customer', id: 'ann' }
  const options = { actor, idempotencyKey: `key-${orderId}` }
  const outcomes = await Promise.all(
    upTo(10).map((n) => executors[n % 2]!.submit('placeOrder', place(orderId), options)),
  )
  const commandIds = new Set(
    outcomes.map((outcome) => outcome.kind === 'committed' && outcome.commandId),
  )
  expect(commandIds.size).toBe(1)
  expect(await versions(orderId)).toEqual([1])
  const other = await executors[0]!.submit(
    'placeOrder',
    place(orderId, { customer: 'eve' }),
    options,
  )
  expect(other).toMatchObject({ kind: 'refused', code: 'IDEMPOTENCY_KEY_REUSED' })
})

test('makes log partitions itself when nobody made them ahead', async () => {
  const executor = shopExecutor(await database.store())
  const jump = (to: number) =>
    database.pool.query(`select setval(pg_get_serial_sequence('tailrace.event_log', 'id'), $1)`, [
      to,
    ])
  await executor.submit('move', { account: 'long', by: 10 })
  await jump(90_000_000)
  expect(await executor.submit('move', { account: 'long', by: 1 })).toMatchObject({ version: 2 })
  await jump(190_000_000)
  const transfer = executor.submit('transfer', { from: 'long', to: 'longer', amount: 1 })
  expect(await transfer).toMatchObject({ kind: 'committed' })
  await jump(290_000_000)
  const each = Array.from({ length: 30 }, (_, i) => newOrder(undefined, { note: `${i}` }))
  const { failures } = await (await database.store()).commitEach(each)
  // The first tries made the partitions; what they could not write is told to try again.
  expect(
    failures.every((failure) => failure === undefined || failure.name === 'WriteConflict'),
  ).toBe(true)
  expect(failures.some((failure) => failure === undefined)).toBe(true)
  expect(await database.one('select max(id)::bigint > 290000000 from tailrace.event_log')).toBe(
    true,
  )
})

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2_000; i++) if (await condition()) return
  throw new Error('expected the condition to come true, got 2,000 tries without')
}
