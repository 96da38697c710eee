import { event, projection, rowsProjection, sqlProjection } from 'tailrace'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { documentTable } from './document-table.ts'
import { clickhouse } from './index.ts'
import { storeSettings } from './store-settings.ts'
import { createTable } from './table-ddl.ts'
import type { ClickHouseOptions, TableOptions } from './index.ts'

const Sold = event('Sold', z.object({}))
const rows = (row: z.ZodType) =>
  rowsProjection('sales', { version: 2, from: [Sold], row, on: { Sold: () => [] } })
const fold = (document: z.ZodType) =>
  projection('sales', {
    version: 2,
    from: [Sold],
    document,
    key: (e) => e.stream,
    on: { Sold: () => null },
  })

function tableOf(def: ReturnType<typeof rows> | ReturnType<typeof fold>, sales: TableOptions = {}) {
  return documentTable(def, storeSettings({ url: 'http://localhost:8123', tables: { sales } }))
}

const Row = z.object({ at: z.iso.datetime(), sku: z.string(), note: z.string().nullable() })

describe('a table that cannot be is refused at the start:', () => {
  const cases: Record<string, () => unknown> = {
    'money as a float': () => tableOf(rows(z.object({ priceEur: z.number() }))),
    'a sort by what may be missing': () => tableOf(rows(Row), { orderBy: ['note'] }),
    'a sort by what is not there': () => tableOf(rows(Row), { orderBy: ['skus'] }),
    'partitions by text': () =>
      tableOf(rows(Row), { partitionBy: { property: 'sku', by: 'month' } }),
    'partitions of documents': () =>
      tableOf(fold(Row), { partitionBy: { property: 'at', by: 'month' } }),
    'an end of half a day': () => tableOf(rows(Row), { keepFor: { property: 'at', days: 0.5 } }),
    'an unknown column type': () => tableOf(rows(Row), { columns: { sku: 'FixedString(3)' } }),
    'a type for no property': () => tableOf(rows(Row), { columns: { ski: 'String' } }),
    'a sql projection': () =>
      tableOf(
        sqlProjection('sales', {
          version: 1,
          from: [Sold],
          tables: { t: 'a int' },
          on: { Sold: async () => undefined },
        }) as never,
      ),
  }
  for (const [name, make] of Object.entries(cases))
    test(name, () => {
      expect(make).toThrow(expect.objectContaining({ code: 'CONFIG' }) as Error)
    })
})

describe('options that cannot be are refused:', () => {
  const cases: Record<string, Partial<ClickHouseOptions>> = {
    'another protocol': { url: 'tcp://localhost:9000' },
    'a database of another name': { database: 'a b' },
    'no connections': { connections: { read: 0 } },
    'a negative pace': { paceMs: -1 },
  }
  for (const [name, options] of Object.entries(cases))
    test(name, () => {
      expect(() => clickhouse({ url: 'http://localhost:8123', ...options })).toThrow(
        expect.objectContaining({ code: 'CONFIG' }) as Error,
      )
    })
})

test('money is an integer, or a decimal that is asked for', () => {
  const table = tableOf(rows(z.object({ totalMinor: z.int(), price: z.number() })), {
    columns: { price: 'Decimal(18, 2)' },
  })
  expect(table.definition.lines).toEqual(
    expect.arrayContaining(['`total_minor` Int64', '`price` Decimal(18, 2)']),
  )
})

test('plain and replicated tables differ in the engine only', () => {
  const { definition } = tableOf(rows(Row), {
    orderBy: ['sku'],
    partitionBy: { property: 'at', by: 'month' },
  })
  const plain = createTable(definition, undefined)
  expect(plain).toContain(') ENGINE = ReplacingMergeTree()')
  expect(createTable(definition, {})).toBe(
    plain.replace(
      'ReplacingMergeTree()',
      "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')",
    ),
  )
  const placed = createTable(definition, { cluster: 'all', path: "/t/{uuid}/it's", replica: '{r}' })
  expect(placed).toContain('`sales_v2` ON CLUSTER `all` (')
  expect(placed).toContain("ReplicatedReplacingMergeTree('/t/{uuid}/it\\'s', '{r}')")
})

test('the database of the URL is used where none is named', () => {
  expect(storeSettings({ url: 'http://a:b@localhost:8123/reports' }).database).toBe('reports')
  expect(storeSettings({ url: 'http://localhost:8123/x', database: 'y' }).database).toBe('y')
  expect(storeSettings({ url: 'http://localhost:8123' }).database).toBe('tailrace')
})
