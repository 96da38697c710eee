import { randomUUID } from 'node:crypto'
import { dropAbandoned, rollBack, type DocumentReader, type ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { Counting, history, sums } from '../test/counting.ts'
import { runOn } from '../test/own-server.ts'
import { redis } from './index.ts'

const server = engine('redis')

server.describe('rebuilding in Redis', () => {
  const run = `rebuild-${randomUUID().slice(0, 8)}`
  let store: ReadStore
  let counting: Counting
  let made = 0
  beforeEach(() => {
    store = redis({ url: server.url, prefix: `${run}-${made++}` })
    counting = new Counting()
  })
  afterEach(async () => {
    await counting.stop()
    await store.close()
  })
  afterAll(async () => {
    for (const key of (await runOn(server.url, ['KEYS', `${run}*`])) as string[])
      await runOn(server.url, ['UNLINK', key])
  })

  test('a new version is built beside the live one while events come, then readers switch, and can go back', async () => {
    const first = counting.start(store, 1)
    counting.happen(3_000)
    await counting.caughtUp()
    expect(await store.liveVersion('sums')).toBe(1)
    counting.start(store, 2)
    for (let i = 0; i < 40; i++) {
      counting.happen(50)
      first.wake()
      const reader = (
        await store.open(sums(1), history)
      ).reader() as unknown as DocumentReader<object>
      expect(await reader.get('s1')).toBeDefined()
    }
    await counting.caughtUp()
    await until(async () => (await store.liveVersion('sums')) === 2, 'readers on version 2')
    await until(() => first.status()[0]!.position === counting.log.last, 'version 1 at the head')
    await counting.expectExact(store, 1)
    await counting.expectExact(store, 2)

    await rollBack(store, 'sums', 1)
    expect(await store.liveVersion('sums')).toBe(1)
    await rollBack(store, 'sums', 2)
    await first.stop()
    expect(await dropAbandoned(store, 'sums', [])).toEqual([1])
    expect(await store.versions('sums')).toEqual([2])
    expect(await runOn(server.url, ['KEYS', `${run}-${made - 1}:{sums}:v1.*`])).toEqual([])
    await counting.expectExact(store, 2)
  })

  test('a build that was given up is found, and removed in bounded steps', async () => {
    const opened = await store.open(sums(9), history)
    async function* pages() {
      for (let i = 0; i < 3; i++)
        yield Array.from({ length: 1_000 }, (_, j) => ({
          key: `k${i}-${j}`,
          document: { parity: 'odd', sum: j, count: 1 },
          position: 1n,
        }))
      throw new Error('the process ended')
    }
    const move = { range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 5n }
    await expect(opened.bulkLoad(pages(), [move])).rejects.toThrow('the process ended')
    expect((await opened.load(['k2-999'])).size).toBe(1)
    counting.start(store, 1)
    counting.happen(100)
    await counting.caughtUp()
    expect(await store.versions('sums')).toEqual([1, 9])
    await runOn(server.url, ['CONFIG', 'RESETSTAT'])
    expect(await dropAbandoned(store, 'sums', [])).toEqual([9])
    const stats = String(await runOn(server.url, ['INFO', 'commandstats']))
    expect(Number(/cmdstat_unlink:calls=(\d+)/.exec(stats)![1])).toBeGreaterThanOrEqual(6)
    expect(await runOn(server.url, ['KEYS', `${run}-${made - 1}:{sums}:v9.*`])).toEqual([])
  })
})
