import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { until, workerRig, type WorkerRig } from '../../../../test/support/worker-rig.ts'
import { FaultyBus, type BusFaults } from '../../../conformance/src/faulty-bus.ts'
import { MemoryBus, MemoryTopic } from '../../../conformance/src/memory-bus.ts'
import { canonical, cleanFold } from '../../../conformance/src/verify/clean-fold.ts'
import { event, projection } from '../index.ts'
import { historyText } from '../project/inspect-version.ts'
import { startProjectionWorker } from '../project/projection-worker.ts'
import { mulberry32 } from '../testing/test-clock.ts'
import { startRelay } from './relay.ts'

const Happened = event('Happened', z.object({ n: z.int() }))

/** An event that is applied twice, left out or out of order shows in the document. */
const History = projection('history', {
  version: 1,
  from: [Happened],
  key: ({ stream }) => stream,
  document: z.object({ stream: z.string(), sum: z.int(), chain: z.int(), events: z.int() }),
  on: {
    Happened: (e, was) => ({
      stream: e.stream,
      sum: (was?.sum ?? 0) + e.data.n,
      chain: ((was?.chain ?? 7) * 31 + e.data.n) % 1_000_003,
      events: (was?.events ?? 0) + 1,
    }),
  },
})

let rig: WorkerRig
beforeAll(async () => {
  rig = await workerRig()
})
afterAll(() => rig.drop())

const faults: BusFaults = {
  drop: 0.03,
  duplicate: 0.1,
  reorder: 0.1,
  damage: 0.02,
  delay: 0.1,
  delayMs: 10,
  lostReceipt: 0.05,
  torn: 0.05,
}

test('read models are the clean fold of the log, whatever the bus does, while two workers share it', async () => {
  const { log, leases, clock, store } = rig
  const topic = new MemoryTopic(5)
  const unlucky = { ...clock, random: mulberry32(11) }
  const relay = startRelay({
    bus: new FaultyBus(new MemoryBus(topic), unlucky, faults),
    log,
    leases,
    clock,
    settings: { pageSize: 100, layoutEveryMs: 20 },
  })
  const workers = ['one', 'two'].map((owner) =>
    startProjectionWorker({
      projections: [{ projection: History, store }],
      log,
      leases,
      clock,
      owner,
      bus: new FaultyBus(new MemoryBus(topic), unlucky, faults),
    }),
  )
  let head = 0n
  for (let round = 0; round < 30; round++) {
    head = await rig.record(
      ...Array.from({ length: 100 }, (_, i) => ({
        stream: `s${(round * 7 + i) % 53}`,
        payload: { n: i % 9 },
      })),
    )
    relay.wake()
    await until(() => relay.status().position >= head, 'the relay to publish')
    if (round === 12) topic.trim(3)
    if (round === 20) topic.recreate(4)
  }
  const opened = await store.open(History, historyText(log.identity))
  await until(async () => {
    const checkpoints = [...(await opened.checkpoints()).values()]
    return checkpoints.length === 4 && checkpoints.every(({ position }) => position >= head)
  }, 'every range to reach the head')
  const statuses = workers.map((worker) => worker.busStatus()!)
  await Promise.all(workers.map((worker) => worker.stop()))
  await relay.stop()
  const { events } = await log.read({ after: 0n, slots: [{ from: 0, to: 255 }], limit: 10_000 })
  const found = new Map<string, unknown>()
  for await (const page of opened.dump())
    for (const { key, document } of page) found.set(key, document)
  const wanted = cleanFold(History, events)
  expect(events).toHaveLength(3_000)
  expect(found.size).toBe(53)
  expect(canonical(Object.fromEntries(found))).toBe(canonical(Object.fromEntries(wanted)))
  const healed = statuses.flatMap(({ gapsHealed }) => Object.values(gapsHealed))
  expect(healed.reduce((a, b) => a + b)).toBeGreaterThan(0)
  expect(statuses.some(({ messages }) => messages.applied > 500)).toBe(true)
})
