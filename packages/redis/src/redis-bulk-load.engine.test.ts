import { randomUUID } from 'node:crypto'
import type { CheckpointMove, DocumentChange, ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { history, sums } from '../test/counting.ts'
import { runOn } from '../test/own-server.ts'
import { wireTo, type Wire } from '../test/wire.ts'
import { redis } from './index.ts'

const server = engine('redis')

/** What a script answers that did its work. */
const done = '*1\r\n$2\r\nok\r\n'

function put(key: string, position: bigint): DocumentChange {
  return { key, document: { parity: 'odd', sum: Number(position), count: 1 }, position }
}

function moves(fence: bigint, to: bigint): CheckpointMove[] {
  return [{ range: 0, slots: { from: 0, to: 255 }, fence, from: undefined, to }]
}

async function* pages(...changes: DocumentChange[]): AsyncGenerator<DocumentChange[]> {
  yield changes
}

server.describe('bulk loads of Redis, one of which stands still', () => {
  const run = `load-${randomUUID().slice(0, 8)}`
  let made = 0
  let wire: Wire
  /** Stands still where its wire does. */
  let slow: ReadStore
  let quick: ReadStore
  beforeEach(async () => {
    const prefix = `${run}-${made++}`
    wire = await wireTo(Number(new URL(server.url).port))
    slow = redis({ url: wire.url, prefix, timeoutMs: 60_000 })
    quick = redis({ url: server.url, prefix })
  })
  afterEach(async () => {
    await slow.close()
    await quick.drop('sums', 1)
    await quick.close()
    await wire.close()
  })
  afterAll(async () => {
    for (const key of (await runOn(server.url, ['KEYS', `${run}*`])) as string[])
      await runOn(server.url, ['UNLINK', key])
  })

  test('an overtaken load that had begun does not empty what the other one has finished', async () => {
    const older = await slow.open(sums(), history)
    const newer = await quick.open(sums(), history)
    const begun = wire.hold(done)
    const overtaken = older.bulkLoad(pages(put('old', 1n)), moves(1n, 1n))
    overtaken.catch(() => undefined)
    await begun
    await newer.bulkLoad(pages(put('x', 3n), put('y', 4n)), moves(2n, 5n))
    await newer.apply({
      moves: [{ ...moves(2n, 6n)[0]!, from: 5n }],
      changes: [put('z', 6n), { key: 'y', document: null, position: 6n }],
      rows: [],
      park: [],
    })
    wire.release()
    await expect(overtaken).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
    const found = await newer.load(['old', 'x', 'y', 'z'])
    expect([...found].map(([key, { position }]) => [key, position])).toEqual([
      ['x', 3n],
      ['y', 6n],
      ['z', 6n],
    ])
    const reader = newer.reader() as unknown as {
      find(options: object): Promise<{ readonly items: readonly unknown[] }>
    }
    expect((await reader.find({ sort: [['sum', 'asc']] })).items).toHaveLength(2)
    expect((await newer.checkpoints()).get(0)?.position).toBe(6n)
  })

  test('a load of a version that another one has begun meanwhile is refused, for its worker to look again', async () => {
    const opened = await quick.open(sums(), history)
    await opened.bulkLoad(pages(put('x', 3n)), moves(1n, 5n))
    const late = opened.bulkLoad(pages(), moves(2n, 0n))
    await expect(late).rejects.toMatchObject({ code: 'PROJECTION_FENCED', retryable: true })
    expect((await opened.load(['x'])).size).toBe(1)
  })

  test('a load that is overtaken while it clears what was left stops there', async () => {
    const older = await slow.open(sums(), history)
    const newer = await quick.open(sums(), history)
    async function* broken() {
      yield Array.from({ length: 2_000 }, (_, i) => put(`left${i}`, 1n))
      throw new Error('broke off')
    }
    await expect(older.bulkLoad(broken(), moves(1n, 1n))).rejects.toThrow('broke off')
    const begun = wire.hold(done)
    const overtaken = older.bulkLoad(pages(), moves(1n, 1n))
    overtaken.catch(() => undefined)
    await begun
    const clearing = wire.hold('\r\n')
    wire.release()
    await clearing
    const kept = Array.from({ length: 3_000 }, (_, i) => put(`kept${i}`, 2n))
    await newer.bulkLoad(pages(...kept), moves(2n, 5n))
    wire.release()
    await expect(overtaken).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
    expect((await newer.load(kept.map(({ key }) => key))).size).toBe(3_000)
    expect((await newer.load(['left0', 'left1999'])).size).toBe(0)
  })
})
