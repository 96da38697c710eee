import { isTailraceError, type DocumentChange, type ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { FaultyProxy } from '../test/faulty-proxy.ts'
import { Balances } from '../test/growing-log.ts'
import { TestDatabases } from '../test/test-databases.ts'
import { clickhouse } from './index.ts'

const server = engine('clickhouse')
const history = '00000000000000aa/1'

function balance(account: string, position: bigint): DocumentChange {
  return { key: account, document: { account, balanceMinor: 1, payments: 1 }, position }
}

async function* pages(...changes: readonly DocumentChange[]) {
  yield changes
}

function moves(fence: bigint, from: bigint | undefined, to: bigint) {
  return [{ range: 0, slots: { from: 0, to: 255 }, fence, from, to }]
}

server.describe('requests that reach ClickHouse after others have gone on', () => {
  let databases: TestDatabases
  let database: string
  let proxy: FaultyProxy
  let slow: ReadStore
  let fast: ReadStore
  beforeAll(() => {
    databases = new TestDatabases(server.url)
  })
  afterAll(() => databases.drop())
  beforeEach(async () => {
    database = databases.fresh()
    proxy = await FaultyProxy.to(server.url)
    slow = clickhouse({ url: proxy.url, database })
    fast = clickhouse({ url: server.url, database })
  })
  afterEach(async () => {
    await Promise.all([slow.close(), fast.close()])
    await proxy.close()
  })

  async function tables(): Promise<string[]> {
    const rows = await databases.rows<{ name: string }>(
      `SELECT name FROM system.tables WHERE database = '${database}' ORDER BY name`,
    )
    return rows.map(({ name }) => name)
  }

  test('a bulk load that was overtaken changes nothing, whichever of its requests comes late', async () => {
    const codes = new Set<string>()
    let before = 0
    for (let over = false; !over; before++) {
      const def = { ...Balances, version: before + 1 }
      const [first, second] = [await slow.open(def, history), await fast.open(def, history)]
      const late = proxy.late(before)
      const older = first.bulkLoad(pages(balance('gone', 1n)), moves(1n, undefined, 2n)).then(
        () => 'made',
        (error: unknown) => (isTailraceError(error) ? error.code : String(error)),
      )
      await Promise.race([late.caught, older])
      // What its last request brings about has happened when its answer is asked for.
      over = (await second.checkpoints()).size > 0
      if (over) {
        late.release()
        expect(await older).toBe('made')
        continue
      }
      const loaded = pages(balance('x', 3n), balance('y', 4n))
      await second.bulkLoad(loaded, moves(2n, undefined, 5n))
      await second.apply({
        moves: moves(2n, 5n, 6n),
        changes: [balance('z', 6n)],
        rows: [],
        park: [],
      })
      late.release()
      codes.add(await older)
      expect(
        [...(await second.load(['gone', 'x', 'y', 'z'])).keys()],
        `request ${before} came late`,
      ).toEqual(['x', 'y', 'z'])
      expect((await second.checkpoints()).get(0)?.position).toBe(6n)
    }
    expect(before).toBeGreaterThan(10)
    // Also one whose begin comes late, and finds that the version has been started.
    expect([...codes]).toEqual(['PROJECTION_FENCED'])
    expect((await tables()).filter((name) => name.includes('_load_'))).toEqual([])
  }, 120_000)

  test('a version that is dropped while readers are switched to it is there, or they are not', async () => {
    const ends = new Set<string>()
    for (let before = 0, over = false; !over; before++) {
      const name = `dropped-${before}`
      for (const version of [1, 2]) {
        const opened = await fast.open({ ...Balances, name, version }, history)
        await opened.apply({
          moves: moves(1n, undefined, 1n),
          changes: [balance('a', 1n)],
          rows: [],
          park: [],
        })
      }
      await fast.switchTo(name, 2)
      const code = (error: unknown) => (isTailraceError(error) ? error.code : String(error))
      await slow.ping()
      const late = proxy.late(before)
      const dropping = slow.drop(name, 1).then(() => 'dropped', code)
      over = (await Promise.race([late.caught, dropping])) === 'dropped'
      const switching = await fast.switchTo(name, 1).then(() => 'switched', code)
      late.release()
      const end = `${await dropping}, ${switching}`
      ends.add(end)
      const there = (await fast.liveVersion(name)) === 1
      expect(end).toBe(there ? 'CONFIG, switched' : 'dropped, CONFIG')
      expect(await fast.versions(name), end).toEqual(there ? [1, 2] : [2])
      const another = clickhouse({ url: server.url, database })
      const opened = await another.open({ ...Balances, name }, history)
      expect((await opened.load(['a'])).size).toBe(there ? 1 : 0)
      await another.close()
    }
    expect(ends.size).toBe(2)
  }, 120_000)

  test('a drop that broke off is finished when the version is opened again', async () => {
    const opened = await fast.open(Balances, history)
    await opened.bulkLoad(pages(balance('a', 1n)), moves(1n, undefined, 2n))
    await slow.ping()
    const late = proxy.late(0, 'DROP TABLE')
    const dropping = slow.drop('balances', 1).catch((error: unknown) => error)
    await late.caught
    await proxy.close()
    await dropping
    expect(await fast.versions('balances')).toEqual([1])
    const again = clickhouse({ url: server.url, database })
    try {
      const anew = await again.open(Balances, history)
      expect((await anew.checkpoints()).size).toBe(0)
      expect(await again.versions('balances')).toEqual([1])
      await again.switchTo('balances', 1)
    } finally {
      await again.close()
    }
  })

  test('what a load that broke off has left is gone after the next one, and with the version', async () => {
    async function* broken() {
      yield [balance('left', 1n)]
      throw new Error('the source failed')
    }
    const opened = await fast.open(Balances, history)
    for (const fence of [1n, 2n])
      await expect(opened.bulkLoad(broken(), moves(fence, undefined, 2n))).rejects.toThrow('failed')
    const left = await tables()
    expect(left.filter((name) => name.startsWith('balances_v1_load_'))).toHaveLength(1)
    await opened.bulkLoad(pages(), moves(3n, undefined, 2n))
    expect(await tables()).toEqual(['balances_v1', 'balances_v1_state', 'tailrace_catalog'])
    const next = await fast.open({ ...Balances, version: 2 }, history)
    await expect(next.bulkLoad(broken(), moves(1n, undefined, 2n))).rejects.toThrow('failed')
    await fast.drop('balances', 2)
    expect(await tables()).toEqual(['balances_v1', 'balances_v1_state', 'tailrace_catalog'])
  })
})
