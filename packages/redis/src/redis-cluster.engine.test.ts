import type { ReadStore } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { engine } from '../../../test/support/engines.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { freePort } from '../../postgres/src/embedded/free-port.ts'
import { Counting, history, sums } from '../test/counting.ts'
import { ownServer, type OwnServer } from '../test/own-server.ts'
import { redis } from './index.ts'

engine('redis').describeFaults('the Redis read store on a cluster', () => {
  const nodes: OwnServer[] = []
  let store: ReadStore
  beforeAll(async () => {
    const slots = [
      ['0', '5460'],
      ['5461', '10922'],
      ['10923', '16383'],
    ] as const
    for (const range of slots) {
      const busPort = String(await freePort())
      const node = await ownServer('--cluster-enabled', 'yes', '--cluster-port', busPort)
      await node.run('CLUSTER', 'ADDSLOTSRANGE', ...range)
      const first = nodes[0] ?? node
      nodes.push(node)
      if (first !== node)
        await first.run('CLUSTER', 'MEET', '127.0.0.1', String(node.port), busPort)
    }
    await serving()
    store = redis({ url: nodes[0]!.url, timeoutMs: 1_000 })
  })
  afterAll(async () => {
    await store.close()
    for (const node of nodes) await node.remove()
  })

  async function serving(): Promise<void> {
    for (const node of nodes)
      await until(
        async () => {
          const info = String(await node.run('CLUSTER', 'INFO'))
          return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')
        },
        'the cluster to serve',
        30_000,
      )
  }

  async function keysOn(node: OwnServer, projection: string): Promise<number> {
    return ((await node.run('KEYS', `*{${projection}}*`)) as string[]).length
  }

  test('keeps each projection on one node, whichever node it was given', async () => {
    const home = new Map<string, number>()
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
      const opened = await store.open({ ...sums(), name }, history)
      await opened.apply({
        moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 2n }],
        changes: ['a', 'b'].map((key) => ({
          key,
          document: { parity: 'odd', sum: 1, count: 1 },
          position: 2n,
        })),
        rows: [],
        park: [],
      })
      await store.switchTo(name, 1)
      const counts = await Promise.all(nodes.map((node) => keysOn(node, name)))
      expect(counts.filter((count) => count > 0)).toHaveLength(1)
      home.set(
        name,
        counts.findIndex((count) => count > 0),
      )
      expect(await store.liveVersion(name)).toBe(1)
      expect((await opened.load(['a', 'b'])).size).toBe(2)
    }
    expect(new Set(home.values()).size).toBe(3)
  })

  test('waits for the node of a projection that is away, and loses nothing', async () => {
    const counting = new Counting()
    counting.start(store)
    counting.happen(2_500)
    await counting.caughtUp()
    const counts = await Promise.all(nodes.map((node) => keysOn(node, 'sums')))
    const home = nodes[counts.findIndex((count) => count > 0)]!
    await home.kill()
    counting.happen(300)
    await counting.waits(/expected Redis at/)
    await home.start()
    await serving()
    await counting.caughtUp()
    await counting.stop()
    await counting.expectExact(store)
  })
})
