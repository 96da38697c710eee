import type { DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { dropAbandoned, openReadable, rollBack } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { Balances, GrowingLog, Payments } from '../test/growing-log.ts'
import { TestDatabases } from '../test/test-databases.ts'
import { clickhouse, clickhouseSql } from './index.ts'

const server = engine('clickhouse')

server.describe('a new version beside the live one in ClickHouse', () => {
  let databases: TestDatabases
  let store: ReadStore
  let log: GrowingLog
  let closers: (() => Promise<unknown>)[]
  beforeAll(() => {
    databases = new TestDatabases(server.url)
  })
  afterAll(() => databases.drop())
  beforeEach(() => {
    store = clickhouse({ url: server.url, database: databases.fresh(), paceMs: 10 })
    log = new GrowingLog()
    closers = [() => store.close()]
  })
  afterEach(async () => {
    for (const close of closers.toReversed()) await close()
  })

  async function documentsOf(opened: ProjectionStore): Promise<Map<string, unknown>> {
    const found = new Map<string, unknown>()
    for await (const page of opened.dump())
      for (const { key, document } of page) found.set(key, document)
    return found
  }

  test('documents are built in bulk under write load, given to the readers at once, and can be taken back', async () => {
    log.pay(3_000)
    const old = log.work([{ projection: Balances, store }])
    closers.push(() => old.stop())
    await until(() => old.status()[0]!.state === 'live', 'version 1 to be live', 20_000)
    expect(await store.liveVersion('balances')).toBe(1)
    const next = { ...Balances, version: 2 }
    const fresh = log.work([{ projection: next, store }], { build: { fromEvents: 1_000 } })
    closers.push(() => fresh.stop())
    const lives = new Set<number | undefined>()
    await until(
      async () => {
        log.pay(100)
        const live = await store.liveVersion('balances')
        lives.add(live)
        const { store: readable } = await openReadable(next, store, log.history)
        expect((await documentsOf(readable)).size).toBe(97)
        return live === 2
      },
      'version 2 to be live',
      30_000,
    )
    expect([...lives]).toEqual([1, 2])
    const head = log.pay(100)
    for (const worker of [old, fresh])
      await until(() => (worker.status()[0]!.position ?? 0n) >= head, 'the head', 20_000)
    for (const def of [Balances, next])
      expect(await documentsOf(await store.open(def, log.history))).toEqual(log.balances())
    await rollBack(store, 'balances', 1)
    expect(await store.liveVersion('balances')).toBe(1)
    await fresh.stop()
    expect(await dropAbandoned(store, 'balances', [])).toEqual([2])
    expect(await store.versions('balances')).toEqual([1])
  }, 120_000)

  test('rows are built by following the log, and readers switch when they have caught up', async () => {
    log.pay(2_000)
    const old = log.work([{ projection: Payments, store }])
    closers.push(() => old.stop())
    await until(() => old.status()[0]!.state === 'live', 'version 1 to be live', 20_000)
    const next = { ...Payments, version: 2 }
    const fresh = log.work([{ projection: next, store }])
    closers.push(() => fresh.stop())
    await until(
      async () => {
        log.pay(50)
        return (await store.liveVersion('payments')) === 2
      },
      'version 2 to be live',
      30_000,
    )
    const head = log.log.last
    for (const worker of [old, fresh])
      await until(() => (worker.status()[0]!.position ?? 0n) >= head, 'the head', 20_000)
    for (const def of [Payments, next]) {
      const opened = await store.open(def, log.history)
      const sql = clickhouseSql(opened.reader() as unknown as DocumentReader<unknown>)
      expect(
        await sql.query(
          'SELECT currency, sum(amount_minor) AS sum, count() AS rows FROM $payments GROUP BY currency ORDER BY currency',
        ),
      ).toEqual(log.rowSums())
    }
    await store.switchTo('payments', 1)
    expect(await store.liveVersion('payments')).toBe(1)
  }, 120_000)

  test('a build that was interrupted is found, and made anew', async () => {
    const opened = await store.open({ ...Balances, version: 3 }, log.history)
    async function* broken() {
      yield [{ key: 'stray', document: { account: 'stray' }, position: 1n }]
      throw new Error('the process died')
    }
    await expect(opened.bulkLoad(broken(), [])).rejects.toThrow('the process died')
    await store.open(Balances, log.history)
    await store.switchTo('balances', 1)
    expect(await store.versions('balances')).toEqual([1, 3])
    expect(await dropAbandoned(store, 'balances', [])).toEqual([3])
    expect(
      (await documentsOf(await store.open({ ...Balances, version: 3 }, log.history))).size,
    ).toBe(0)
  })
})
