import type { Client } from 'pg'
import type { Random } from '../../packages/simulator/src/kernel/random.ts'
import type { Damage } from './damage.ts'
import { orders } from '../../systems/orders/app.ts'

const projections = [
  'order-document',
  'seller-order',
  'customer-orders',
  'seller-queue',
  'operations',
]

const wrongJson = ['5', '"text"', 'null', '[]', '{}', '[[1]]', 'true', '{"a":{"b":[]}}']
const wrongExtra = [
  '5',
  '[]',
  '"x"',
  '{"whole":5}',
  '{"set":7}',
  '{"set":{"status":{}}}',
  '{"unset":"x"}',
  '{"unset":[1]}',
]

interface Column {
  readonly name: string
  readonly type: string
}

/** Damages the read models in PostgreSQL, by SQL. */
export async function damageTables(client: Client, random: Random): Promise<Damage> {
  const projection = random.pick(projections)
  const table = `tailrace_read."${projection.replaceAll('-', '_')}_v${declaredVersion(projection)}"`
  const draw = random.next()
  if (draw < 0.45) return damageDocument(client, random, projection, table)
  if (draw < 0.65) return damageCheckpoint(client, random, projection)
  if (draw < 0.8) return damageTable(client, random, projection, table)
  return damageCatalog(client, random, projection)
}

async function damageDocument(
  client: Client,
  random: Random,
  projection: string,
  table: string,
): Promise<Damage> {
  const { rows: columns } = await client.query<Column>(
    `select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname not in ('_key', '_position')
       and attgenerated = ''`,
    [table],
  )
  const { rows } = await client.query<{ key: string }>(
    `select _key as key from ${table} order by _key`,
  )
  const { key } = random.pick(rows)
  const column = random.pick(columns)
  const json = column.type.startsWith('json')
  const value = json ? random.pick(column.name === '_extra' ? wrongExtra : wrongJson) : null
  const { rows: kept } = await client.query<{ value: string | null }>(
    `select "${column.name}"::text as value from ${table} where _key = $1`,
    [key],
  )
  const put = (to: string | null) =>
    client.query(`update ${table} set "${column.name}" = $2::${column.type} where _key = $1`, [
      key,
      to,
    ])
  await put(value)
  return {
    text: `${column.name} of ${projection}/${key} is ${value ?? 'NULL'}`,
    projection,
    detectable: false,
    shared: projection === 'operations',
    undo: async () => void (await put(kept[0]!.value)),
  }
}

async function damageCheckpoint(
  client: Client,
  random: Random,
  projection: string,
): Promise<Damage> {
  const [set, what] = random.pick([
    ['position = 999999999999', 'beyond the head'],
    ['position = -7', 'below zero'],
    [`history = 'garbage'`, 'of no history'],
    [`history = ''`, 'of an empty history'],
    [`history = 'ffffffffffffffff/99'`, 'of another system'],
  ] as const)
  const { rows } = await client.query<{ position: string; history: string }>(
    `select position::text, history from tailrace_read.checkpoint where projection = $1 order by range limit 1`,
    [projection],
  )
  const where = `projection = $1 and range = (select min(range) from tailrace_read.checkpoint where projection = $1)`
  await client.query(`update tailrace_read.checkpoint set ${set} where ${where}`, [projection])
  return {
    text: `a checkpoint of ${projection} is ${what}`,
    projection,
    detectable: false,
    undo: async () =>
      void (await client.query(
        `update tailrace_read.checkpoint set position = $2, history = $3 where ${where}`,
        [projection, rows[0]!.position, rows[0]!.history],
      )),
  }
}

async function damageTable(
  client: Client,
  random: Random,
  projection: string,
  table: string,
): Promise<Damage> {
  const name = table.slice(table.indexOf('"') + 1, -1)
  const [doing, undoing, what] = random.pick([
    [
      `alter table ${table} rename to "${name}_gone"`,
      `alter table tailrace_read."${name}_gone" rename to "${name}"`,
      'has no table',
    ],
    [
      `alter table ${table} rename column _extra to _other`,
      `alter table ${table} rename column _other to _extra`,
      'lacks a column',
    ],
    [
      `alter table ${table} rename column _position to _other`,
      `alter table ${table} rename column _other to _position`,
      'lacks its positions',
    ],
  ] as const)
  await client.query(doing)
  return {
    text: `${projection} ${what}`,
    projection,
    detectable: true,
    undo: async () => void (await client.query(undoing)),
  }
}

function declaredVersion(projection: string): number {
  return orders.projections.get(projection)!.version
}

async function damageCatalog(client: Client, random: Random, projection: string): Promise<Damage> {
  const live = random.chance(0.5)
  const version = random.pick([0, -1, 99])
  const { rows } = await client.query<{ shape: string }>(
    `select shape::text from tailrace_read.read_version where projection = $1 and version = $2`,
    [projection, declaredVersion(projection)],
  )
  const putLive = (to: number) =>
    client.query(`update tailrace_read.read_model set live_version = $2 where projection = $1`, [
      projection,
      to,
    ])
  const putShape = (to: string) =>
    client.query(
      `update tailrace_read.read_version set shape = $2 where projection = $1 and version = $3`,
      [projection, to, declaredVersion(projection)],
    )
  if (live) await putLive(version)
  else await putShape(random.pick(wrongJson))
  return {
    text: live
      ? `readers of ${projection} are on version ${version}`
      : `${projection} has another shape`,
    projection,
    detectable: false,
    undo: async () => void (live ? await putLive(1) : await putShape(rows[0]!.shape)),
  }
}
