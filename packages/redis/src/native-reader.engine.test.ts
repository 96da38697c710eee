import { randomUUID } from 'node:crypto'
import type { ReadStore } from 'tailrace/adapter'
import type { DocumentReader } from 'tailrace'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { Counting, history, sums } from '../test/counting.ts'
import { runOn } from '../test/own-server.ts'
import { redis, redisReader, type RedisReader } from './index.ts'

const server = engine('redis')

server.describe('Redis itself for queries', () => {
  const prefix = `native-${randomUUID().slice(0, 8)}`
  let store: ReadStore
  let reader: DocumentReader<{ sum: number; parity: string }>
  let native: RedisReader
  beforeAll(async () => {
    store = redis({ url: server.url, prefix })
    const counting = new Counting()
    counting.start(store)
    counting.happen(500)
    await counting.caughtUp()
    await counting.stop()
    reader = (await store.open(sums(), history)).reader() as never
    native = redisReader(reader)
  })
  afterAll(async () => {
    await store.close()
    for (const key of (await runOn(server.url, ['KEYS', `${prefix}*`])) as string[])
      await runOn(server.url, ['UNLINK', key])
  })

  test('reads what the version holds: keys, lookups, documents', async () => {
    const { total, items } = await reader.find({ total: true, limit: 1_000 })
    expect(await native.read('ZCARD', native.keys)).toBe(total)
    const [some] = (await native.read('ZRANDMEMBER', native.keys, 1)) as string[]
    expect(await reader.get(some!)).toBeDefined()
    expect(String(await native.read('GET', native.document(some!)))).toContain('"sum":')
    const even = native.entryPrefix(['parity', 'sum'], ['even'])
    const lookup = native.lookup('parity', 'sum')
    expect(await native.read('ZLEXCOUNT', lookup, `[${even}`, `[${even}~`)).toBe(
      items.filter(({ parity }) => parity === 'even').length,
    )
  })

  test('offers neither other commands, nor keys by text, nor keys of another reader', async () => {
    const refused = { code: 'READ_UNSUPPORTED' }
    // @ts-expect-error -- it writes
    await expect(native.read('DEL', native.keys)).rejects.toMatchObject(refused)
    // @ts-expect-error -- any key could be named by its text
    await expect(native.read('GET', `${prefix}:{sums}:versions`)).rejects.toMatchObject(refused)
    const another = redisReader((await store.open(sums(2), history)).reader() as never)
    await expect(native.read('ZCARD', another.keys)).rejects.toMatchObject(refused)
    expect(() => native.lookup('count')).toThrow(/declared lookup/)
    expect(() => redisReader({})).toThrow(/expected the reader of a projection in Redis/)
    expect(() => redisReader({ native: { store: 'another', client: {} } })).toThrow(/another/)
  })
})
