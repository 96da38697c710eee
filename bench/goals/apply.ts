import { postgresTables } from '@tailrace/postgres'
import { Client } from 'pg'
import { projection } from 'tailrace'
import type { Lab } from '../engines/lab.ts'
import type { Goal, PreparedGoal } from '../harness/goal.ts'
import {
  applyRows,
  orderRows,
  ProductApply,
  rowOf,
  someRows,
  type KeyedRow,
} from '../workloads/order-rows.ts'

const batchRows = 500
const windowRows = 20_000
const naiveRows = 1_000
/** Half of the rows of a window update an existing document. */
const keys = 200_000
const present = 100_000

/** Documents into an indexed read table, with the guard that an older one never overwrites a newer, and the checkpoint. */
export const applying: readonly Goal[] = [
  {
    id: 'P9.unnest',
    name: `apply documents to a PostgreSQL read model, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 0.9,
    sense: 'at-least',
    ceilingName: `a hand-written unnest upsert of ${batchRows} rows with its checkpoint`,
    prepare: (lab) => prepare(lab, 'unnest'),
  },
  {
    id: 'P9.naive',
    name: `apply documents to a PostgreSQL read model, ${batchRows} per batch`,
    unit: 'documents/s',
    target: 40,
    sense: 'at-least',
    ceilingName: 'the naive projector: one transaction per event',
    prepare: (lab) => prepare(lab, 'naive'),
  },
]

const Order = projection('order-row', orderRows)

async function prepare(lab: Lab, by: 'unnest' | 'naive'): Promise<PreparedGoal> {
  const read = await lab.database('read')
  await read.run(handTables)
  const tables = postgresTables({ url: read.url })
  const product = new ProductApply(await tables.open(Order, '0123456789abcdef/1'))
  const client = new Client({ connectionString: read.url })
  client.on('error', () => undefined)
  await client.connect()
  const hand = new HandApply(client)
  let revision = 0
  for (let from = 0; from < present; from += 5_000) {
    const rows = Array.from({ length: 5_000 }, (_, i) => rowOf(from + i, 0))
    await product.apply(rows)
    await hand.unnest(rows)
  }
  await read.run('vacuum analyze')
  const window = (
    rows: number,
    batch: number,
    apply: (rows: readonly KeyedRow[]) => Promise<void>,
  ) => applyRows(lab, someRows(rows, ++revision, keys), batch, apply)
  return {
    product: () => window(windowRows, batchRows, (rows) => product.apply(rows)),
    ceiling: () =>
      by === 'unnest'
        ? window(windowRows, batchRows, (rows) => hand.unnest(rows))
        : window(naiveRows, 1, ([row]) => hand.one(row!)),
    async close() {
      await client.end()
      await tables.close()
    },
  }
}

const handTables = `
  create table order_row (
    key text collate "C" primary key, customer_id bigint not null, status text not null, total_minor bigint not null,
    lines bigint not null, revision bigint not null, updated_at timestamptz not null, position bigint not null
  ) with (fillfactor = 85);
  create table hand_checkpoint (name text primary key, position bigint not null) with (fillfactor = 50);
  insert into hand_checkpoint values ('order_row', 0);`

const columns = 'key, customer_id, status, total_minor, lines, revision, updated_at, position'

const onConflict = `on conflict (key) do update set customer_id = excluded.customer_id, status = excluded.status,
  total_minor = excluded.total_minor, lines = excluded.lines, revision = excluded.revision,
  updated_at = excluded.updated_at, position = excluded.position where order_row.position < excluded.position`

/** The same by hand, on one connection. */
class HandApply {
  readonly #client: Client
  #position = 0

  constructor(client: Client) {
    this.#client = client
  }

  async unnest(rows: readonly KeyedRow[]): Promise<void> {
    this.#position += rows.length
    await this.#transaction({
      name: 'unnest',
      text: `insert into order_row (${columns}) select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[], $8::bigint[]) ${onConflict}`,
      values: [
        rows.map(({ key }) => key),
        rows.map(({ document }) => document.customerId),
        rows.map(({ document }) => document.status),
        rows.map(({ document }) => document.totalMinor),
        rows.map(({ document }) => document.lines),
        rows.map(({ document }) => document.revision),
        rows.map(({ document }) => document.updatedAt),
        rows.map(() => this.#position),
      ],
    })
  }

  async one({ key, document }: KeyedRow): Promise<void> {
    this.#position++
    const { customerId, status, totalMinor, lines, revision, updatedAt } = document
    await this.#transaction({
      name: 'one',
      text: `insert into order_row (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8) ${onConflict}`,
      values: [key, customerId, status, totalMinor, lines, revision, updatedAt, this.#position],
    })
  }

  async #transaction(upsert: { name: string; text: string; values: unknown[] }): Promise<void> {
    await this.#client.query('begin')
    await this.#client.query(upsert)
    await this.#client.query({
      name: 'checkpoint',
      text: `update hand_checkpoint set position = $1 where name = 'order_row'`,
      values: [this.#position],
    })
    await this.#client.query('commit')
  }
}
