import type { ReadStore } from 'tailrace/adapter'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { Counting, history, sums } from '../test/counting.ts'
import { ownServer, type OwnServer } from '../test/own-server.ts'
import { redis } from './index.ts'

engine('redis').describeFaults('the Redis read store after a failover', () => {
  let primary: OwnServer
  let replica: OwnServer
  let counting: Counting
  const stores: ReadStore[] = []
  beforeEach(async () => {
    primary = await ownServer()
    replica = await ownServer('--replicaof', '127.0.0.1', String(primary.port))
    counting = new Counting()
    await linked('up')
  })
  afterEach(async () => {
    await counting.stop()
    await Promise.all(stores.splice(0).map((store) => store.close()))
    await primary.remove()
    await replica.remove()
  })

  function storeOn(server: OwnServer): ReadStore {
    const store = redis({ url: server.url, timeoutMs: 1_000 })
    stores.push(store)
    return store
  }

  async function linked(state: 'up' | 'down'): Promise<void> {
    await until(
      async () =>
        String(await replica.run('INFO', 'replication')).includes(`master_link_status:${state}`),
      `the link of the replica to be ${state}`,
    )
  }

  async function positionOf(store: ReadStore): Promise<bigint> {
    const checkpoints = await (await store.open(sums(), history)).checkpoints()
    return [...checkpoints.values()].reduce(
      (low, { position }) => (position < low ? position : low),
      2n ** 60n,
    )
  }

  test('an older copy has the checkpoint of its data: the worker goes on from there, without a hole', async () => {
    const before = storeOn(primary)
    counting.start(before)
    counting.happen(400)
    await counting.caughtUp()
    await primary.run('WAIT', '1', '5000')
    // From here on the copy is behind.
    await replica.run('REPLICAOF', '127.0.0.1', '1')
    await linked('down')
    counting.happen(600)
    await counting.caughtUp()
    expect(await positionOf(before)).toBe(1_000n)
    await counting.stop()
    await primary.kill()
    await replica.run('REPLICAOF', 'NO', 'ONE')

    const after = storeOn(replica)
    expect(await positionOf(after)).toBe(400n)
    counting.start(after)
    counting.happen(50)
    await counting.caughtUp()
    await counting.expectExact(after)
    const opened = await after.open(sums(), history)
    const { items, total } = await (
      opened.reader() as unknown as {
        find(options: object): Promise<{ items: { sum: number }[]; total: number }>
      }
    ).find({ where: { parity: 'even' }, sort: [['sum', 'asc']], total: true, limit: 100 })
    expect(items.every(({ sum }) => sum % 2 === 0)).toBe(true)
    expect(total).toBe(items.length)
  })

  test("the worker that lives through it takes the copy's word and not its own", async () => {
    const port = primary.port
    const store = storeOn(primary)
    counting.start(store)
    counting.happen(400)
    await counting.caughtUp()
    await primary.run('WAIT', '1', '5000')
    await replica.run('REPLICAOF', '127.0.0.1', '1')
    await linked('down')
    counting.happen(600)
    await counting.caughtUp()
    // The copy takes the place of the primary, at its address.
    await primary.kill()
    await primary.start('--appendonly', 'no', '--replicaof', '127.0.0.1', String(replica.port))
    await replica.run('REPLICAOF', 'NO', 'ONE')
    await until(
      async () =>
        String(await primary.run('INFO', 'replication')).includes('master_link_status:up'),
      'the copy to have arrived',
    )
    await primary.run('REPLICAOF', 'NO', 'ONE')
    expect(port).toBe(primary.port)
    counting.happen(50)
    await counting.caughtUp()
    await until(async () => (await positionOf(store)) === 1_050n, 'the store at the head')
    await counting.expectExact(store)
  })
})
