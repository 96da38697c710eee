import { event, rowsProjection, projection } from 'tailrace'
import type { ApplyBatch, DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { engine } from '../../../test/support/engines.ts'
import { TestDatabases } from '../test/test-databases.ts'
import { clickhouse, clickhouseSql, type ClickHouseOptions, type ClickHouseSql } from './index.ts'
import { Server } from './server.ts'
import { nothing, StateLog } from './state-log.ts'
import { storeSettings } from './store-settings.ts'

const server = engine('clickhouse')
const history = '00000000000000aa/1'
const slots = { from: 0, to: 255 }

const Sold = event('Sold', z.object({}))
const Row = z.object({
  sku: z.string(),
  channel: z.enum(['web', 'shop']),
  at: z.iso.datetime(),
  amount: z.string(),
  units: z.int(),
})
const Sales = rowsProjection('daily-sales', {
  version: 1,
  from: [Sold],
  row: Row,
  on: { Sold: () => [] },
})
const columns = { amount: 'Decimal(38, 4)' }

function sale(n: number, over: Partial<z.infer<typeof Row>> = {}): ApplyBatch['rows'][number] {
  const row = {
    sku: `sku-${n % 3}`,
    channel: n % 2 === 0 ? 'web' : 'shop',
    at: new Date(Date.UTC(2026, 0, 1 + (n % 60))).toISOString(),
    amount: '0.1000',
    units: n,
    ...over,
  }
  return { position: BigInt(n), ordinal: 0, row }
}

function write(from: number | undefined, to: number, rows: ApplyBatch['rows']): ApplyBatch {
  const start = from === undefined ? undefined : BigInt(from)
  const move = { range: 0, slots, fence: 1n, from: start, to: BigInt(to) }
  return { moves: [move], changes: [], rows, park: [] }
}

function sqlOf(opened: ProjectionStore): ClickHouseSql {
  return clickhouseSql(opened.reader() as unknown as DocumentReader<unknown>)
}

server.describe('the ClickHouse read store, where ClickHouse has traps', () => {
  let databases: TestDatabases
  let database: string
  let store: ReadStore
  const extra: ReadStore[] = []
  const another = (options: Partial<ClickHouseOptions>): ReadStore => {
    const one = clickhouse({ url: server.url, database, ...options })
    extra.push(one)
    return one
  }
  beforeAll(() => {
    databases = new TestDatabases(server.url)
  })
  afterAll(() => databases.drop())
  beforeEach(() => {
    database = databases.fresh()
    store = clickhouse({ url: server.url, database, tables: { 'daily-sales': { columns } } })
  })
  afterEach(async () => {
    await Promise.all([store, ...extra.splice(0)].map((one) => one.close()))
  })

  test('sums and counts see each row once while its copies are not merged', async () => {
    const opened = await store.open(Sales, history)
    await databases.command(`SYSTEM STOP MERGES ${database}.daily_sales_v1`)
    const rows = Array.from({ length: 500 }, (_, i) => sale(i + 1))
    for (let i = 0; i < 3; i++) await opened.apply({ ...write(undefined, 0, rows), moves: [] })
    await opened.apply(write(undefined, 500, rows.slice(100)))
    const [stored] = await databases.rows(`SELECT count() AS n FROM ${database}.daily_sales_v1`)
    expect(Number(stored!['n'])).toBe(1_900)
    const sql = sqlOf(opened)
    expect(
      await sql.query(
        `SELECT count() AS n, sum(units) AS units, toDecimalString(sum(amount), 4) AS amount, uniqExact(sku) AS skus FROM $daily_sales`,
      ),
    ).toEqual([{ n: '500', units: '125250', amount: '50.0000', skus: '3' }])
    expect(
      await sql.query(
        `WITH web AS (SELECT sku, units FROM $daily_sales WHERE channel = {channel:String})
         SELECT s.sku AS sku, sum(s.units) AS units FROM web AS s JOIN (SELECT DISTINCT sku FROM $daily_sales) AS k USING (sku)
         GROUP BY sku ORDER BY sku`,
        { channel: 'web' },
      ),
    ).toEqual(
      [0, 1, 2].map((k) => ({
        sku: `sku-${k}`,
        units: String(
          rows.reduce((sum, { position: n }) => {
            return n % 2n === 0n && n % 3n === BigInt(k) ? sum + n : sum
          }, 0n),
        ),
      })),
    )
  })

  test('decimals, large integers and times come back with all their digits', async () => {
    const opened = await store.open(Sales, history)
    const odd = [
      sale(1, { amount: '90071992547409931234567890.1234', units: Number.MAX_SAFE_INTEGER }),
      sale(2, { amount: '-0.0001', units: Number.MIN_SAFE_INTEGER }),
      sale(3, { amount: '1.5', at: '2026-01-02T03:04:05.123456+02:00' }),
    ]
    await opened.apply(write(undefined, 3, odd))
    const dumped: unknown[] = []
    for await (const page of opened.dump()) dumped.push(...page.map(({ document }) => document))
    expect(dumped).toEqual(odd.map(({ row }) => row))
    expect(
      await sqlOf(opened).query(
        `SELECT toDecimalString(sum(amount), 4) AS amount, max(units) AS most, min(at) AS first FROM $daily_sales`,
      ),
    ).toEqual([
      {
        amount: '90071992547409931234567891.6233',
        most: '9007199254740991',
        first: '2026-01-02T00:00:00.000Z',
      },
    ])
  })

  test('an answer means that the rows are there, whatever the user has set for inserts', async () => {
    const url = `${server.url}?ch_async_insert=1&ch_wait_for_async_insert=0&ch_async_insert_busy_timeout_ms=60000`
    const opened = await another({ url, tables: { 'daily-sales': { columns } } }).open(
      Sales,
      history,
    )
    await opened.apply(write(undefined, 3, [sale(1), sale(2), sale(3)]))
    const [found] = await databases.rows(`SELECT count() AS n FROM ${database}.daily_sales_v1`)
    expect(Number(found!['n'])).toBe(3)
  })

  test('of many writers that take one number, one has it', async () => {
    const servers = Array.from(
      { length: 6 },
      () => new Server(storeSettings({ url: server.url, database })),
    )
    try {
      const logs = servers.map((one) => new StateLog(one, 'numbers'))
      await logs[0]!.create()
      let seq = 0n
      for (let round = 0; round < 12; round++) {
        const won = await Promise.all(
          logs.map((log, i) =>
            log.append(seq, [{ ...nothing, kind: 'checkpoint', key: '0', fence: BigInt(i) }]),
          ),
        )
        expect(won.filter(Boolean)).toHaveLength(1)
        const view = await logs[round % logs.length]!.read(`kind = 'checkpoint'`)
        expect(view.seq).toBe(seq + 1n)
        expect(view.rows[0]!.fence).toBe(BigInt(won.indexOf(true)))
        seq = view.seq
      }
    } finally {
      await Promise.all(servers.map((one) => one.close()))
    }
  })

  test('a number that the server has taken without a record is left out', async () => {
    const one = new Server(storeSettings({ url: server.url, database }))
    try {
      const log = new StateLog(one, 'burnt')
      await log.create()
      expect(await log.append(0n, [])).toBe(true)
      expect(await log.append(1n, [{ ...nothing, kind: 'live', key: 'a' }])).toBe(true)
      // What a death between noting a number and writing its record leaves: the number, without the rows.
      await databases.command(
        `ALTER TABLE ${database}.burnt DELETE WHERE 1 SETTINGS mutations_sync = 1`,
      )
      expect(await log.append(0n, [{ ...nothing, kind: 'live', key: 'b' }])).toBe(true)
      const view = await log.read(`kind = 'live'`)
      expect(view.seq).toBe(3n)
      expect(view.rows.map(({ key }) => key)).toEqual(['b'])
    } finally {
      await one.close()
    }
  })

  test('too many parts are waited out, not lost', async () => {
    const opened = await store.open(Sales, history)
    await databases.command(`SYSTEM STOP MERGES ${database}.daily_sales_v1`)
    await databases.command(
      `ALTER TABLE ${database}.daily_sales_v1 MODIFY SETTING parts_to_throw_insert = 3, parts_to_delay_insert = 2`,
    )
    let at: number | undefined
    let refusal: unknown
    for (let i = 1; i < 20 && refusal === undefined; i++) {
      await opened.apply(write(at, i, [sale(i)])).then(
        () => (at = i),
        (error: unknown) => (refusal = error),
      )
    }
    expect(refusal).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(String(refusal)).toContain('TOO_MANY_PARTS')
    expect((await opened.checkpoints()).get(0)?.position).toBe(BigInt(at!))
    await databases.command(`SYSTEM START MERGES ${database}.daily_sales_v1`)
    await databases.command(`OPTIMIZE TABLE ${database}.daily_sales_v1 FINAL`)
    await opened.apply(write(at, 30, [sale(30)]))
    expect(await sqlOf(opened).query('SELECT count() AS n FROM $daily_sales')).toEqual([
      { n: String(at! + 1) },
    ])
  })

  test('a query can only read, only its projection, and only so much', async () => {
    const limited = another({
      tables: { 'daily-sales': { columns } },
      queryLimits: { seconds: 1, resultRows: 1_100 },
    })
    const opened = await limited.open(Sales, history)
    await opened.apply(write(undefined, 3, [sale(1), sale(2), sale(3)]))
    const sql = sqlOf(opened)
    for (const text of [
      `INSERT INTO $daily_sales SELECT * FROM $daily_sales`,
      `DROP TABLE ${database}.daily_sales_v1`,
      `SELECT count() FROM ${database}.daily_sales_v1`,
      `SELECT count() FROM daily_sales_v1`,
      `SELECT 1 FROM $daily_sales, ${database}.daily_sales_v1`,
      `SELECT 1 FROM $daily_sales AS a JOIN system.parts AS b ON 1 = 1`,
      `SELECT * FROM url('http://127.0.0.1/', 'CSV')`,
      `SELECT 1 FROM $weekly_sales`,
      `SELECT 1; SELECT 2`,
      `SELECT (SELECT count() FROM system.tables)`,
    ])
      await expect(sql.query(text), text).rejects.toMatchObject({ code: 'READ_UNSUPPORTED' })
    // The server holds to it too.
    await expect(
      sql.query('SELECT count() FROM $daily_sales SETTINGS readonly = 0, max_result_rows = 0'),
    ).rejects.toThrow(/readonly/i)
    await expect(sql.query('SELECT number FROM numbers(5000)')).rejects.toThrow(/rows/i)
    await expect(
      sql.query('SELECT sum(sleepEachRow(0.5)) FROM numbers(100) SETTINGS max_block_size = 1'),
    ).rejects.toThrow()
    await expect(
      sql.query(
        'SELECT sum(sipHash64(a.number, b.number)) FROM numbers(1000000) AS a, numbers(1000000) AS b',
      ),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(
      await sql.query(
        `SELECT extract(YEAR FROM at) AS year, arrayJoin([1, 2]) AS n, 'FROM x' AS text, units -- FROM here
         FROM $daily_sales ARRAY JOIN [10, 20] AS m WHERE sku IN ({skus:Array(String)}) ORDER BY n, m, units LIMIT 1`,
        { skus: ['sku-1', "it's"] },
      ),
    ).toEqual([{ year: 2026, n: 1, text: 'FROM x', units: '1' }])
  })

  test('rows lie in partitions and in the order asked for, and old ones are not read any more', async () => {
    const tables = {
      'daily-sales': {
        columns,
        orderBy: ['channel', 'sku'],
        partitionBy: { property: 'at', by: 'month' },
        keepFor: { property: 'at', days: 3_650 },
      },
    } as const
    const opened = await another({ tables }).open(Sales, history)
    const old = sale(100, { at: '2001-01-01T00:00:00.000Z' })
    const rows = Array.from({ length: 60 }, (_, i) => sale(i + 1))
    await opened.apply(write(undefined, 60, [...rows, old]))
    const parts = await databases.rows<{ partition: string }>(
      `SELECT DISTINCT partition FROM system.parts WHERE database = '${database}' AND table = 'daily_sales_v1' AND active ORDER BY partition`,
    )
    expect(parts.map(({ partition }) => partition)).toEqual(
      expect.arrayContaining(['202601', '202602', '202603']),
    )
    expect(
      await sqlOf(opened).query('SELECT count() AS n, max(units) AS most FROM $daily_sales'),
    ).toEqual([{ n: '60', most: '60' }])
    const reader = opened.reader() as unknown as DocumentReader<z.infer<typeof Row>>
    expect((await reader.find({ total: true, limit: 1 })).total).toBe(60)
    const keys: string[] = []
    for await (const page of opened.dump()) keys.push(...page.map(({ key }) => key as string))
    const byKey = await reader.getMany(keys)
    expect(byKey.map((row) => row?.units).toSorted((a, b) => a! - b!)).toEqual(
      rows.map((_, i) => i + 1),
    )
    expect(await reader.get(keys[0]!)).toEqual(byKey[0])
    const [key] = await databases.rows<{ sorting_key: string }>(
      `SELECT sorting_key FROM system.tables WHERE database = '${database}' AND name = 'daily_sales_v1'`,
    )
    expect(key!.sorting_key).toBe('channel, sku, _position, _ordinal')
  })

  test('replicated tables come from the same definition, and a server without a keeper is waited for', async () => {
    const opening = another({
      replicated: { path: `/${database}/{table}`, replica: 'one' },
      tables: { 'daily-sales': { columns } },
    }).open(Sales, history)
    await expect(opening).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('another table under the same version is refused', async () => {
    await store.open(Sales, history)
    await expect(
      another({ tables: { 'daily-sales': { columns, orderBy: ['sku'] } } }).open(Sales, history),
    ).rejects.toMatchObject({ code: 'CONFIG' })
  })

  test('a table of a version that was dropped by another process is made anew', async () => {
    const opened = await store.open(Sales, history)
    await opened.apply(write(undefined, 1, [sale(1)]))
    await another({}).drop('daily-sales', 1)
    await expect(opened.apply(write(1, 2, [sale(2)]))).rejects.toThrow()
    const again = await store.open(Sales, history)
    expect((await again.checkpoints()).size).toBe(0)
    await again.apply(write(undefined, 2, [sale(2)]))
  })

  test('columns are typed by the schema', async () => {
    const Typed = projection('typed', {
      version: 1,
      from: [Sold],
      document: z.object({
        id: z.uuid(),
        day: z.iso.date(),
        score: z.number().nullable(),
        tags: z.array(z.enum(['a', 'b'])),
        more: z.record(z.string(), z.int()),
      }),
      key: (e) => e.stream,
      on: { Sold: () => null },
    })
    const opened = await store.open(Typed, history)
    const document = {
      id: '01890a5d-ac96-774b-bcce-b302099a8057',
      day: '2026-02-28',
      score: null,
      tags: ['a', 'b', 'a'],
      more: { x: 1 },
    }
    await opened.apply({
      ...write(undefined, 1, []),
      changes: [{ key: 'k', document, position: 1n }],
    })
    expect((await opened.load(['k'])).get('k')?.document).toEqual(document)
    expect(
      Object.fromEntries(
        (
          await databases.rows<{ name: string; type: string }>(
            `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = 'typed_v1'`,
          )
        ).map(({ name, type }) => [name, type]),
      ),
    ).toMatchObject({
      id: 'Nullable(UUID)',
      day: 'Nullable(Date32)',
      score: 'Nullable(Float64)',
      tags: 'Array(LowCardinality(String))',
      more: 'String',
    })
  })
})
