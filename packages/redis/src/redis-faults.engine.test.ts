import type { DocumentReader, ReadStore } from 'tailrace/adapter'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { Counting, history, sums } from '../test/counting.ts'
import { ownServer, runOn, type OwnServer } from '../test/own-server.ts'
import { wireTo, type Wire } from '../test/wire.ts'
import { redis } from './index.ts'

engine('redis').describeFaults('a worker on the Redis read store', () => {
  let server: OwnServer
  let wire: Wire
  let store: ReadStore
  let counting: Counting
  beforeEach(async () => {
    server = await ownServer()
    wire = await wireTo(server.port)
    store = redis({ url: wire.url, timeoutMs: 700 })
    counting = new Counting()
  })
  afterEach(async () => {
    await counting.stop()
    await store.close()
    await wire.close()
    await server.remove()
  })

  /** Works under load until something has been written. */
  async function underWay(): Promise<void> {
    counting.start(store)
    counting.happen(300)
    await counting.caughtUp()
  }

  test('goes on after a restart of the server', async () => {
    await underWay()
    await server.stop()
    counting.happen(300)
    await counting.waits(/UNAVAILABLE|expected Redis/)
    await server.start()
    await counting.caughtUp()
    await counting.expectExact(store)
    expect(counting.status.waiting).toBeUndefined()
  })

  test('loses nothing when the server is killed again and again under load', async () => {
    await underWay()
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 20; i++) {
        counting.happen(25)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await server.kill()
      counting.happen(100)
      await server.start()
    }
    await counting.caughtUp()
    await counting.expectExact(store)
  })

  test('waits for a server that is frozen, says so, and goes on', async () => {
    await underWay()
    server.pause()
    counting.happen(300)
    await counting.waits(/no answer within 700 ms/)
    server.resume()
    await counting.caughtUp()
    await counting.expectExact(store)
  })

  test('loses nothing when connections are cut while answers are on their way', async () => {
    await underWay()
    for (let round = 0; round < 15; round++) {
      counting.happen(60)
      await new Promise((resolve) => setTimeout(resolve, 3))
      wire.cut()
    }
    await counting.caughtUp()
    await counting.expectExact(store)
  })

  test('works with a slow server, and without one that is too slow', async () => {
    await underWay()
    wire.delayMs = 60
    counting.happen(300)
    await counting.caughtUp()
    wire.delayMs = 2_000
    counting.happen(300)
    await counting.waits(/no answer within 700 ms/)
    wire.delayMs = 0
    await counting.caughtUp()
    await counting.expectExact(store)
  })

  test('waits while memory is full, keeps what is there readable, and goes on when there is room', async () => {
    await underWay()
    const opened = await store.open(sums(), history)
    const before = (await opened.checkpoints()).get(0)?.position
    await server.run('CONFIG', 'SET', 'maxmemory', '1mb')
    counting.happen(300)
    await counting.waits(/OOM .*raise maxmemory/)
    expect((await opened.checkpoints()).get(0)?.position).toBe(before)
    const reader = opened.reader() as unknown as DocumentReader<{ count: number; sum: number }>
    expect((await reader.get('s1'))?.count).toBeGreaterThan(0)
    expect((await reader.find({ sort: [['sum', 'desc']] })).items.length).toBeGreaterThan(5)
    await server.run('CONFIG', 'SET', 'maxmemory', '0')
    await counting.caughtUp()
    await counting.expectExact(store)
  })

  test('stops for a server that evicts, says what to set, and goes on by itself once it is set', async () => {
    await server.run('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await expect(store.open(sums(), history)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/allkeys-lru.*set noeviction/),
    })
    await expect(store.ping()).rejects.toMatchObject({ code: 'CONFIG' })
    counting.start(store)
    counting.happen(300)
    await until(() => counting.status.state === 'failed', 'the worker to say that it failed')
    expect(counting.status.waiting).toMatch(/set noeviction/)
    // Nothing of ours has a time to live, so that this one evicts nothing of ours.
    await server.run('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
    await counting.caughtUp()
    await counting.expectExact(store)
  })

  test('never writes to a replica, and says what it is', async () => {
    const primary = await ownServer()
    try {
      await server.run('REPLICAOF', '127.0.0.1', String(primary.port))
      await expect(store.open(sums(), history)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        retryable: true,
        message: expect.stringContaining('got a replica'),
      })
      counting.start(store)
      counting.happen(100)
      await counting.waits(/got a replica/)
      await server.run('REPLICAOF', 'NO', 'ONE')
      await counting.caughtUp()
      await server.run('REPLICAOF', '127.0.0.1', String(primary.port))
      counting.happen(100)
      await counting.waits(/replica/)
    } finally {
      await primary.remove()
    }
  })

  test('says that a password is wrong, keeps it to itself, and goes on when the server takes it', async () => {
    await server.run('CONFIG', 'SET', 'requirepass', 'right')
    const url = wire.url.replace('redis://', 'redis://default:wrong-secret@')
    const mistaken = redis({ url, timeoutMs: 700 })
    try {
      counting.start(mistaken)
      counting.happen(100)
      await counting.waits(/WRONGPASS.*check user and password/)
      expect(counting.status.waiting).not.toContain('wrong-secret')
      await runOn(server.url.replace('redis://', 'redis://default:right@'), [
        'CONFIG',
        'SET',
        'requirepass',
        'wrong-secret',
      ])
      await counting.caughtUp()
      await counting.expectExact(mistaken)
      await counting.stop()
    } finally {
      await mistaken.close()
    }
  })

  test('refuses a server that is too old', async () => {
    // As on the wire of an older server: the length stays.
    wire.alter = (bytes) =>
      Buffer.from(
        bytes.toString('latin1').replace(/redis_version:\d\.\d/, 'redis_version:6.2'),
        'latin1',
      )
    await expect(store.open(sums(), history)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/version 7\.0 or later, got 6\.2/),
    })
  })

  test('answers queries while the worker is far behind, and fails them in time when the server is frozen', async () => {
    await underWay()
    const opened = await store.open(sums(), history)
    const reader = opened.reader() as unknown as DocumentReader<{ count: number }>
    server.pause()
    await expect(reader.get('s1')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    server.resume()
    await expect.poll(() => reader.get('s1').catch(() => undefined)).toBeDefined()
  })

  test('begins anew when somebody has emptied the server', async () => {
    await underWay()
    await server.run('FLUSHALL')
    counting.happen(300)
    await counting.caughtUp()
    await until(
      async () => (await (await store.open(sums(), history)).checkpoints()).size === 4,
      'all ranges to have begun again',
    )
    await counting.expectExact(store)
  })
})
