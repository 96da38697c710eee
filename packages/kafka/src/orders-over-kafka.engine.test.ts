import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { openEventLog } from '../../postgres/src/log/postgres-event-log.ts'
import { Pool } from 'pg'
import { systemClock, type RecordedEvent } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FaultyBus } from '@tailrace/conformance'
import { engine } from '../../../test/support/engines.ts'
import { runningOrders, runSql, type RunningOrders } from '../../../test/support/running-orders.ts'
import { until } from '../../../test/support/worker-rig.ts'
import { canonical, cleanFold } from '../../conformance/src/verify/clean-fold.ts'
import { orders as app } from '../../../systems/orders/app.ts'
import { seededOffers } from '../../../systems/orders/seeded-offers.ts'
import { orderLife } from '../../../systems/orders/traffic/order-life.ts'
import { Random } from '../../../systems/orders/traffic/random.ts'
import { kafkaWorld, type KafkaWorld } from '../test/kafka-world.ts'

const single = engine('kafka')
const run = promisify(execFile)
const consumer = join(import.meta.dirname, '../../../examples/python-consumer')
const python = process.env['TAILRACE_PYTHON'] ?? join(consumer, 'venv/bin/python')
const support = { role: 'support', id: 'sam' }

single.describe('the order system over kafka', () => {
  let world: KafkaWorld
  let orders: RunningOrders
  let folder: string
  let bus: FaultyBus
  beforeAll(async () => {
    world = kafkaWorld(single, { partitions: 6 })
    folder = mkdtempSync(join(tmpdir(), 'over-kafka-'))
    bus = new FaultyBus(world.connect(), systemClock())
    orders = await runningOrders({}, { bus })
  })
  afterAll(async () => {
    await orders.stop()
    await world.close()
    rmSync(folder, { recursive: true })
  })

  /** Lives a number of orders; gives the head of the log when every read model has all of it. */
  async function live(count: number, seed: number): Promise<bigint> {
    const random = new Random(seed)
    const at = Date.now()
    const lives = Array.from({ length: count }, () =>
      orderLife({ random, offers: seededOffers(), at, pace: 1 }),
    )
    await Promise.all(
      lives.map(async (steps) => {
        for (const { command, actor, input } of steps)
          await orders.engine.command(command, input, { actor })
      }),
    )
    return atRest()
  }

  /** The head of the log once it is everywhere, on the topic too, and timers that are due have added to it. */
  async function atRest(): Promise<bigint> {
    let still = 0
    let last = ''
    return until(
      async () => {
        const { head, projections, bus: seen } = await orders.engine.status()
        const places = [seen?.relay?.position, ...Object.values(projections).map((p) => p.position)]
        const there = head.unsequenced === 0 && places.every((place) => place === head.position)
        still = there && head.position === last ? still + 1 : 0
        last = head.position
        return still > 300 ? BigInt(head.position) : undefined
      },
      'every read model and the relay at the head',
      60_000,
    )
  }

  async function theLog(): Promise<readonly RecordedEvent[]> {
    const pool = new Pool({ connectionString: orders.write.url, max: 2 })
    try {
      const log = await openEventLog({ pool, clock: systemClock() })
      const slots = [{ from: 0, to: 255 }]
      return (await log.read({ after: 0n, slots, limit: 100_000 })).events
    } finally {
      await pool.end()
    }
  }

  async function consume(database: string): Promise<Record<string, number>> {
    const { stdout } = await run(python, [
      join(consumer, 'order_states.py'),
      `--brokers=${world.brokers.join()}`,
      `--topic=${world.topic}`,
      `--database=${database}`,
      '--until-idle=2',
    ])
    return JSON.parse(stdout) as Record<string, number>
  }

  /** The states that the log comes to, without anything in between. */
  async function expectStates(database: string): Promise<void> {
    const wanted = new Map<string, Record<string, unknown>>()
    for (const { stream, version, data } of await theLog()) {
      const { status, totals } = data as { status: string; totals: { totalMinor: number } }
      const events = ((wanted.get(stream)?.['events'] as number | undefined) ?? 0) + 1
      wanted.set(stream, { status, version, total_minor: totals.totalMinor, events })
    }
    const sqlite = new DatabaseSync(database)
    const rows = sqlite
      .prepare(
        'select order_id, status, version, total_minor, events from orders order by order_id',
      )
      .all()
    sqlite.close()
    expect(rows.length).toBeGreaterThan(0)
    const found = rows.map(({ order_id: id, ...row }) => [id, { ...row }])
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted))
  }

  test(
    'read models are the clean fold, brought by the bus, and gaps that are made are healed',
    { timeout: 180_000 },
    async () => {
      await live(20, 1)
      await until(async () => {
        const { bus: seen } = await orders.engine.status()
        return seen?.source?.connected === true && seen.relay?.state === 'active'
      }, 'the bus to be written and read')
      const before = (await orders.engine.status()).bus!
      await live(60, 2)
      const after = (await orders.engine.status()).bus!
      expect(after.source!.messages.applied).toBeGreaterThan(before.source!.messages.applied)
      bus.faults = { drop: 0.2, duplicate: 0.2, reorder: 0.2 }
      await live(60, 7)
      bus.faults = {}
      const { gapsHealed } = (await orders.engine.status()).bus!.source!
      expect(Object.values(gapsHealed).reduce((a, b) => a + b)).toBeGreaterThan(0)
      // What nobody reads any more is trimmed away under the reader, in the middle of the work.
      const partitions = [0, 1, 2, 3, 4, 5].map((partition) => ({ partition, offset: -1n }))
      const working = live(60, 3)
      await world.admin.deleteRecords({ topics: [{ name: world.topic, partitions }] })
      await world.admin.deleteTopics({ topics: [world.topic] })
      await working
      await live(20, 4)
      const metrics = orders.engine.metrics()
      expect(metrics).toMatch(/cqrs_bus_gaps_healed_total\{reason="\w+"\} [1-9]/)
      expect(metrics).toMatch(/cqrs_relay_position [1-9]\d*/)
      const wanted = cleanFold(app.projections.get('order-document')!, await theLog())
      const rows = await runSql<{ key: string }>(
        orders.read.url,
        `select * from tailrace_read.order_document_v2`,
      )
      expect(rows.length).toBe(wanted.size)
      for (const [orderId, document] of wanted) {
        const found = await orders.ask('order', support, { orderId })
        expect(found, orderId).toBeTruthy()
        expect(canonical((found as { status: string }).status)).toBe(
          canonical((document as { status: string }).status),
        )
      }
    },
  )

  const hasPython = existsSync(python)
  test.skipIf(!hasPython)(
    'a consumer in Python keeps its own read model, through repetitions, losses and a topic made anew',
    { timeout: 180_000 },
    async () => {
      const database = join(folder, 'states.db')
      const head = await live(10, 5)
      const first = await consume(database)
      expect(first).toMatchObject({ gaps: 0, damaged: 0 })
      expect(first['applied']).toBe(Number(head))
      await expectStates(database)
      // Everything again.
      const sqlite = new DatabaseSync(database)
      sqlite.exec('update offsets set next = 0')
      expect(await consume(database)).toMatchObject({ applied: 0, repeated: Number(head), gaps: 0 })
      // What lies between was never delivered.
      const next = await live(10, 6)
      sqlite.exec('update offsets set next = next + 5')
      sqlite.close()
      const healed = await consume(database)
      expect(healed['gaps']).toBeGreaterThan(0)
      expect(healed['applied']).toBe(Number(next - head))
      await expectStates(database)
    },
  )
})
