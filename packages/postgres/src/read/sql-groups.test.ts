import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, sqlProjection } from 'tailrace'
import type { ProjectionTransaction, ReadStore, SqlBatch } from 'tailrace/adapter'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables } from './postgres-tables.ts'

const Signed = event('Signed', z.object({}))
const contracts = sqlProjection('contracts', {
  version: 1,
  from: [Signed],
  key: (e) => e.stream,
  tables: { contract: 'id text primary key, signed int not null' },
  on: { Signed: async () => undefined },
})
const failure = { eventId: 'e1', type: 'Signed', error: 'failed', attempts: 2 }

let database: FreshDatabase
let store: ReadStore
let other: Client
beforeAll(async () => {
  database = await freshDatabase()
  store = postgresTables({ url: database.url, answerTimeoutMs: 1_500 })
  other = new Client({ connectionString: database.url })
  await other.connect()
})
afterAll(async () => {
  await other.end()
  await store.close()
  await database.drop()
})

const sign = (id: string) => (tx: ProjectionTransaction) =>
  tx.query(
    'insert into $contract (id, signed) values ($1, 1) on conflict (id) do update set signed = 1',
    [id],
  )

let position = 0n
/** A batch of a group that works and one that may not. */
function batchOf(run: (tx: ProjectionTransaction) => Promise<unknown>): SqlBatch {
  const from = position === 0n ? undefined : position
  const to = position + 2n
  const group = (key: string, at: bigint, body: typeof run) => ({
    key,
    positions: [at],
    run: async (tx: ProjectionTransaction) => void (await body(tx)),
  })
  return {
    moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from, to }],
    groups: [group('good', to - 1n, sign(`good ${to}`)), group(`bad ${to}`, to, run)],
    park: [],
    parkOf: () => ({ key: `bad ${to}`, positions: [to], failure }),
  }
}

async function isStanding(id: string): Promise<boolean> {
  const { rows } = await other.query(
    'select from tailrace_read.contracts_v1_contract where id = $1',
    [id],
  )
  return rows.length === 1
}

const looksLike = (text: string, code?: string) => Object.assign(new Error(text), { code })
const circular: { self?: unknown } = {}
circular.self = circular

test.for<[string, (tx: ProjectionTransaction) => Promise<unknown>]>([
  ['speaks of termination', () => Promise.reject(new Error('expected a contract not terminated'))],
  ['speaks of a timeout', () => Promise.reject(new Error('Query read timeout'))],
  ['has a code of a server', () => Promise.reject(looksLike('no', '40001'))],
  ['has a code of a socket', () => Promise.reject(looksLike('no', 'ECONNREFUSED'))],
  ['comes of a parameter', (tx) => tx.query('select $1::json', [circular])],
  ['comes of a statement that takes too long', (tx) => tx.query('select pg_sleep(20)')],
])('an error of a handler that %s parks its key alone', async ([, run]) => {
  const opened = await store.open(contracts, '00000000000000aa/1')
  const batch = batchOf(run)
  expect(await opened.applySql(batch)).toMatchObject([{ group: 1 }])
  position += 2n
  expect(await isStanding(`good ${position}`)).toBe(true)
  expect((await opened.checkpoints()).get(0)?.position).toBe(position)
  expect(await opened.parked([`bad ${position}`])).toHaveLength(1)
})

test('trouble of the server fails the batch, also when the handler wraps it', async () => {
  const opened = await store.open(contracts, '00000000000000aa/1')
  await other.query("insert into tailrace_read.contracts_v1_contract values ('held', 0)")
  await other.query('begin; update tailrace_read.contracts_v1_contract set signed = 2')
  const batch = batchOf((tx) =>
    sign('held')(tx).catch((error: unknown) => {
      throw new Error('could not sign', { cause: error })
    }),
  )
  await expect(opened.applySql(batch)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await other.query('rollback')
  expect(await opened.applySql(batch)).toEqual([])
})
