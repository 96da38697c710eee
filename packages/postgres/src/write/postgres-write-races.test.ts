import { randomUUID } from 'node:crypto'
import { WriteConflict, WriteFailed } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Order } from '../../../../test/support/shop-app.ts'
import {
  batch,
  change,
  command,
  happened,
  lineRow,
  newOrder,
  noted,
  orderRow,
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
async function loadOrder(id: string) {
  return (await store.load([order(id)], [])).aggregates[0]
}

async function refused(parts: Parameters<typeof batch>[0]): Promise<WriteFailed> {
  const error: unknown = await store
    .commit(batch({ commands: [command('x')], ...parts }))
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(WriteFailed)
  return error as WriteFailed
}

test('refuses a batch whose version is not the expected one, and writes nothing of it', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  await store.commit(noted(id, 1, 'first'))
  const late = noted(id, 1, 'second')
  await expect(
    store.commit({ ...late, rows: [...late.rows, ...newOrder().rows] }),
  ).rejects.toMatchObject({ name: 'WriteConflict', kind: 'version' })
  expect((await loadOrder(id))?.root).toMatchObject({ version: 2, note: 'first' })
  expect(
    await database.one('select count(*)::int from tailrace.event_log where aggregateid = $1', [id]),
  ).toBe(2)
  expect((await store.load([], [late.commands[0]!.commandId])).commands).toEqual([undefined])
})

test('guards an aggregate whose root row does not change, and refuses a root without a guard', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  const only = (expected: number) =>
    batch({
      guards: [{ ...order(id), expected }],
      rows: [change('delete', id, 'lines', lineRow(id, 2))],
      commands: [command(id)],
    })
  await expect(store.commit(only(2))).rejects.toMatchObject({ kind: 'version' })
  await store.commit(only(1))
  expect((await loadOrder(id))?.children['lines']).toHaveLength(1)
  await expect(store.commit({ ...noted(id, 1, 'x'), guards: [] })).rejects.toMatchObject({
    kind: 'version',
  })
})

test('deletes a root with its children in one batch', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  const rows = [
    change('delete', id, 'order', orderRow(id)),
    change('delete', id, 'lines', lineRow(id, 1)),
    change('delete', id, 'lines', lineRow(id, 2)),
  ]
  await expect(
    store.commit(batch({ rows, guards: [{ ...order(id), expected: 9 }], commands: [command(id)] })),
  ).rejects.toMatchObject({ kind: 'version' })
  await store.commit(
    batch({ rows, guards: [{ ...order(id), expected: 1 }], commands: [command(id)] }),
  )
  expect(await loadOrder(id)).toBeUndefined()
})

test('an aggregate that was deleted and made anew at the version that was loaded is another one', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  const loaded = (await loadOrder(id))!
  expect(loaded.root).not.toHaveProperty('$stamp')
  const { stamp } = loaded
  const guards = [{ ...order(id), expected: 1, stamp }]
  const rows = [
    change('delete', id, 'order', orderRow(id)),
    change('delete', id, 'lines', lineRow(id, 1)),
    change('delete', id, 'lines', lineRow(id, 2)),
  ]
  await store.commit(batch({ rows, guards, commands: [command(id)] }))
  await store.commit(newOrder(id))
  const [changed, locked] = [
    { ...noted(id, 1, 'of the first life'), guards },
    batch({ guards, rows: rows.slice(2), commands: [command(id)] }),
  ]
  for (const late of [changed, locked])
    await expect(store.commit(late)).rejects.toMatchObject({ kind: 'version' })
  expect((await loadOrder(id))?.root).toMatchObject({ version: 1, note: null })
  const anew = { expected: 1, stamp: (await loadOrder(id))!.stamp }
  await store.commit({ ...noted(id, 1, 'of the second'), guards: [{ ...order(id), ...anew }] })
  expect((await loadOrder(id))?.root).toMatchObject({ version: 2, note: 'of the second' })
})

test('a row that another run of the server had at the same version, by a transaction of the same id, is another one', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  const { stamp } = (await loadOrder(id))!
  expect(stamp).toMatch(/^\d+\/\d+\.\d+$/)
  const ofRun = (run: string) => ({
    ...noted(id, 1, run),
    guards: [{ ...order(id), expected: 1, stamp: stamp!.replace(/\/.*/, `/${run}`) }],
  })
  await expect(store.commit(ofRun('1.5'))).rejects.toMatchObject({ kind: 'version' })
  const { rows } = await database.pool.query<{ run: string }>(
    'select extract(epoch from pg_postmaster_start_time())::text as run',
  )
  await store.commit(ofRun(rows[0]!.run))
  expect((await loadOrder(id))?.root).toMatchObject({ version: 2 })
})

test('counts a child row that is gone as a lost race', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  const late = noted(id, 1, null)
  const rows = [...late.rows, change('update', id, 'lines', lineRow(id, 9))]
  await expect(store.commit({ ...late, rows })).rejects.toMatchObject({ kind: 'version' })
})

test('tells which race was lost: the aggregate exists, or the command is recorded', async () => {
  const id = randomUUID()
  const first = newOrder(id)
  await store.commit(first)
  await expect(store.commit(newOrder(id))).rejects.toMatchObject({
    name: 'WriteConflict',
    kind: 'exists',
  })
  await expect(store.commit(first)).rejects.toMatchObject({
    name: 'WriteConflict',
    kind: 'command',
  })
  const again = batch({ commands: [...first.commands] })
  await expect(store.commit(again)).rejects.toMatchObject({
    name: 'WriteConflict',
    kind: 'command',
  })
})

test('takes a broken constraint of a child for a lost race when a race was lost', async () => {
  const id = randomUUID()
  await store.commit(newOrder(id))
  // Both decided on version 1 and made line 3: the second one meets the first one's line before its version guard.
  const third = (note: string) => {
    const next = noted(id, 1, note)
    return { ...next, rows: [...next.rows, change('insert', id, 'lines', lineRow(id, 3))] }
  }
  await store.commit(third('first'))
  await expect(store.commit(third('second'))).rejects.toMatchObject({
    name: 'WriteConflict',
    kind: 'version',
  })
})

test('tells content that the database refuses, with its constraint', async () => {
  const id = randomUUID()
  const orderWith = (more: Record<string, unknown>) => ({
    rows: [change('insert', id, 'order', orderRow(id, more))],
  })
  const lineWith = (more: Record<string, unknown>) => ({
    rows: [...orderWith({}).rows, change('insert', id, 'lines', lineRow(id, 1, more))],
  })
  expect(await refused(lineWith({ quantity: 0 }))).toMatchObject({
    sqlState: '23514',
    constraint: 'order_lines_quantity_check',
  })
  const notText = { message: expect.stringContaining('without NUL and lone surrogates') }
  expect(await refused(lineWith({ sku: 'x'.repeat(21) }))).toMatchObject({ sqlState: '22001' })
  expect(await refused(lineWith({ orderId: randomUUID() }))).toMatchObject({
    sqlState: '23503',
    constraint: 'order_lines_order_id_fkey',
  })
  expect(await refused(lineWith({ line: 3e9 }))).toMatchObject({ sqlState: '22003' })
  expect(await refused(orderWith({ customer: null }))).toMatchObject({ sqlState: '23502' })
  expect(await refused(orderWith({ placedAt: '2026-02-30T00:00:00Z' }))).toMatchObject({
    sqlState: '22008',
  })
  expect(await refused(orderWith({ customer: 'nul\u0000' }))).toMatchObject({ sqlState: '22021' })
  expect(await refused(orderWith({ customer: 'lone \ud800' }))).toMatchObject(notText)
  for (const text of ['\u0000', '\udc00', '\\\u0000'])
    expect(await refused({ events: [happened(id, { data: { text } })] })).toMatchObject(notText)
  expect(await refused(orderWith({ totalMinor: 1n }))).toMatchObject({ sqlState: undefined })
  expect(await loadOrder(id)).toBeUndefined()
})

test('commits each entry on its own: those that fail leave the others alone', async () => {
  const ids = Array.from({ length: 40 }, () => randomUUID())
  await store.commit(newOrder(ids[3]))
  await store.commit(newOrder(ids[20]))
  const recorded = newOrder()
  await store.commit(recorded)
  const batches = ids.map((id, i) =>
    i === 11
      ? newOrder(id, { customer: '\u0000' })
      : i === 20
        ? noted(id, 5, 'late')
        : newOrder(id),
  )
  batches.push(recorded)
  const { failures, xid } = await store.commitEach(batches)
  const failed = failures
    .map((failure, i) => [i, failure] as const)
    .filter(([, failure]) => failure !== undefined)
  expect(
    failed.map(([i, failure]) => [
      i,
      failure instanceof WriteConflict ? failure.kind : failure?.sqlState,
    ]),
  ).toEqual([
    [3, 'exists'],
    [11, '22021'],
    [20, 'version'],
    [40, 'command'],
  ])
  expect(
    await database.one('select count(*)::int from tailrace.command_record where xid::text = $1', [
      xid,
    ]),
  ).toBe(37)
})

test('commits entries one after the other when they touch one aggregate', async () => {
  const id = randomUUID()
  const { failures } = await store.commitEach([
    newOrder(id),
    noted(id, 1, 'a'),
    noted(id, 1, 'b'),
    noted(id, 2, 'c'),
  ])
  expect(failures.map((failure) => (failure as WriteConflict | undefined)?.kind)).toEqual([
    undefined,
    undefined,
    'version',
    undefined,
  ])
  expect((await loadOrder(id))?.root).toMatchObject({ version: 3, note: 'c' })
  expect(await store.commitEach([])).toMatchObject({ failures: [] })
})

test('knows the time of the database without asking', async () => {
  const before = await database.one<string>(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  )
  await store.load([], [])
  const now = store.now()
  const after = await database.one<string>(
    `select to_char((clock_timestamp() + interval '1 s') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  )
  expect(now >= before && now <= after).toBe(true)
  expect(store.now() >= now).toBe(true)
})

test('bounds the number of prepared statements, whatever the batches look like', async () => {
  const small = await database.store()
  const tables = ['order', 'lines', 'parcels'] as const
  for (let shape = 0; shape < 128; shape++) {
    const id = randomUUID()
    const rows = tables.flatMap((of, i) => {
      const row =
        of === 'order'
          ? orderRow(id)
          : of === 'lines'
            ? lineRow(id, 1)
            : { id: randomUUID(), orderId: id, line: 1, tracking: '' }
      const ops = (['insert', 'delete'] as const).filter((_, j) => shape & (1 << (i * 2 + j)))
      return ops.map((op) => change(op, id, of, row))
    })
    const events = shape & 64 ? [happened(id)] : []
    await small.commit(batch({ rows, events, commands: [command(id)] })).catch((error: unknown) => {
      if (!(error instanceof WriteConflict || error instanceof WriteFailed)) throw error
    })
  }
  const after = newOrder()
  await small.commit(after)
  expect((await small.load([], [after.commands[0]!.commandId])).commands[0]?.state).toBe(
    'committed',
  )
  expect(small.statementCount).toBeLessThanOrEqual(50)
})
