import type { DocumentReader, ProjectionWorker, ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { FaultyProxy } from '../test/faulty-proxy.ts'
import { Balances, GrowingLog, Payments } from '../test/growing-log.ts'
import { TestDatabases } from '../test/test-databases.ts'
import { clickhouse, clickhouseSql, type ClickHouseOptions } from './index.ts'

const server = engine('clickhouse')

server.describeFaults('the ClickHouse read store, when something fails', () => {
  let databases: TestDatabases
  let database: string
  let log: GrowingLog
  let proxy: FaultyProxy
  let closers: (() => Promise<unknown>)[]
  beforeAll(() => {
    databases = new TestDatabases(server.url)
  })
  afterAll(async () => {
    await server.start()
    await databases.drop()
  })
  beforeEach(async () => {
    database = databases.fresh()
    log = new GrowingLog()
    proxy = await FaultyProxy.to(server.url)
    closers = [() => proxy.close()]
  })
  afterEach(async () => {
    for (const close of closers.toReversed()) await close()
  })

  const open = (options: Partial<ClickHouseOptions> = {}): ReadStore => {
    const store = clickhouse({
      url: server.url,
      database,
      requestTimeoutMs: 1_000,
      paceMs: 10,
      ...options,
    })
    closers.push(() => store.close())
    return store
  }
  /** One worker at a time holds the leases. */
  const stopWorker = (): Promise<unknown> => closers.pop()!()
  const work = (store: ReadStore): ProjectionWorker => {
    const worker = log.work(
      [
        { projection: Payments, store },
        { projection: Balances, store },
      ],
      { limits: { events: 200, eventsBehind: 200 } },
    )
    closers.push(() => worker.stop())
    return worker
  }
  const reached = (worker: ProjectionWorker, position: bigint): Promise<unknown> =>
    until(
      () => worker.status().every((one) => (one.position ?? 0n) >= position),
      `every projection at ${position}`,
      30_000,
    )
  /** Everything in the store must be what the events come to: sums by SQL, and documents. */
  const expectExact = async (): Promise<void> => {
    const fresh = open()
    const rows = await fresh.open(Payments, log.history)
    const sql = clickhouseSql(rows.reader() as unknown as DocumentReader<unknown>)
    expect(
      await sql.query(
        'SELECT currency, sum(amount_minor) AS sum, count() AS rows FROM $payments GROUP BY currency ORDER BY currency',
      ),
    ).toEqual(log.rowSums())
    const found = new Map<string, unknown>()
    for await (const page of (await fresh.open(Balances, log.history)).dump())
      for (const { key, document } of page) found.set(key, document)
    expect(found).toEqual(log.balances())
  }
  const waits = (worker: ProjectionWorker, why: RegExp): Promise<unknown> =>
    until(
      () => worker.status().some((one) => why.test(one.waiting ?? '')),
      `a reason like ${why}`,
      20_000,
    )

  test('a server that is killed under load loses nothing, and nothing is counted twice', async () => {
    const worker = work(open())
    let head = log.pay(1_000)
    for (let round = 0; round < 4; round++) {
      worker.wake()
      await until(() => (worker.status()[0]!.position ?? 0n) > head - 900n, 'work under way')
      await server.kill()
      head = log.pay(1_000)
      await waits(worker, /ClickHouse/)
      await server.start()
    }
    await reached(worker, head)
    await expectExact()
    expect(worker.status().map(({ waiting }) => waiting)).toEqual([undefined, undefined])
  })

  test('a server that is stopped in order and started again is waited for', async () => {
    const worker = work(open())
    await reached(worker, log.pay(300))
    await server.stop()
    const head = log.pay(300)
    await waits(worker, /ECONNREFUSED|ECONNRESET|socket/)
    await server.start()
    await reached(worker, head)
    await expectExact()
  })

  test('a server that hangs is waited for, and what it does late changes nothing', async () => {
    const worker = work(open())
    await reached(worker, log.pay(300))
    let head = 0n
    for (let round = 0; round < 2; round++) {
      head = log.pay(2_000)
      worker.wake()
      server.pause()
      try {
        await waits(worker, /timeout/i)
      } finally {
        server.resume()
      }
    }
    await reached(worker, head)
    await expectExact()
  })

  test('answers that are lost cost nothing but time', async () => {
    const worker = work(open({ url: proxy.url }))
    let head = log.pay(500)
    await reached(worker, head)
    for (let round = 0; round < 12; round++) {
      proxy.faults.loseAnswers = 1 + (round % 3)
      head = log.pay(150)
      worker.wake()
      await until(() => proxy.faults.loseAnswers === 0, 'answers to be lost')
    }
    await reached(worker, head)
    await expectExact()
  })

  test('a slow network slows down, and no more', async () => {
    const worker = work(open({ url: proxy.url, requestTimeoutMs: 5_000 }))
    proxy.faults.delayMs = 60
    await reached(worker, log.pay(1_000))
    await expectExact()
  })

  test('wrong credentials are said, and work goes on once they are right', async () => {
    await reached(work(open()), log.pay(100))
    await stopWorker()
    const worker = work(open({ user: 'app', password: 'wrong' }))
    await waits(worker, /516 AUTHENTICATION_FAILED/)
    await stopWorker()
    const right = work(open({ user: 'app', password: 'app' }))
    await reached(right, log.pay(100))
    await expectExact()
  })

  test('a user who may only read is said, and loses nothing', async () => {
    await reached(work(open()), log.pay(100))
    await stopWorker()
    const worker = work(open({ url: `${server.url}?ch_readonly=1` }))
    const head = log.pay(100)
    await waits(worker, /164 READONLY/)
    await stopWorker()
    await reached(work(open()), head)
    await expectExact()
  })

  test.each([
    ['for rows', (table: string) => !table.includes('state')],
    ['for checkpoints', (table: string) => table.includes('state')],
  ])(
    'a server that has no space left %s is waited for, stays readable, and loses nothing',
    async (_, isFull) => {
      const worker = work(open())
      await reached(worker, log.pay(100))
      const tables = await databases.rows<{ name: string }>(
        `SELECT name FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`,
      )
      const full = tables.map(({ name }) => name).filter(isFull)
      expect(full.length).toBeGreaterThan(0)
      const alter = async (change: string): Promise<void> => {
        for (const name of full)
          await databases.command(`ALTER TABLE ${database}.\`${name}\` ${change}`)
      }
      // The server refuses inserts as it does when its disk has less left than that.
      await alter('MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000')
      const head = log.pay(300)
      await waits(worker, /243 NOT_ENOUGH_SPACE/)
      const rows = await open().open(Payments, log.history)
      const sql = clickhouseSql(rows.reader() as unknown as DocumentReader<unknown>)
      const [found] = await sql.query<{ rows: string }>('SELECT count() AS rows FROM $payments')
      expect(Number(found!.rows)).toBeGreaterThanOrEqual(100)
      await alter('RESET SETTING min_free_disk_bytes_to_perform_insert')
      await reached(worker, head)
      await expectExact()
    },
  )

  test('a server that is too old is refused, in words', async () => {
    proxy.faults.rewrite = (text) => text.replace(/\["2\d\./, '["21.')
    const worker = work(open({ url: proxy.url }))
    log.pay(10)
    await waits(worker, /expected ClickHouse 24\.8 or newer, got 21\./)
    proxy.faults.rewrite = undefined
    await reached(worker, log.log.last)
    await expectExact()
  })

  test('two workers share the slots, and one that dies is replaced', async () => {
    const store = open()
    const first = log.work([{ projection: Payments, store }], { leaseTtlMs: 1_000, owner: 'first' })
    const second = log.work([{ projection: Payments, store: open() }], {
      leaseTtlMs: 1_000,
      owner: 'second',
    })
    closers.push(() => second.stop())
    log.pay(500)
    await until(() => second.status()[0]!.ranges.length > 0, 'a share for the second')
    let head = log.pay(500)
    log.leases.bar('first')
    closers.push(() => Promise.race([first.stop(), log.clock.sleep(500)]))
    await until(() => second.status()[0]!.ranges.length === 4, 'everything for the second', 20_000)
    head = log.pay(500)
    await until(() => (second.status()[0]!.position ?? 0n) >= head, 'the head', 20_000)
    const rows = await open().open(Payments, log.history)
    const sql = clickhouseSql(rows.reader() as unknown as DocumentReader<unknown>)
    expect(
      await sql.query(
        'SELECT currency, sum(amount_minor) AS sum, count() AS rows FROM $payments GROUP BY currency ORDER BY currency',
      ),
    ).toEqual(log.rowSums())
  })
})
