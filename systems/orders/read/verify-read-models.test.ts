import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyProjection } from '@tailrace/conformance'
import { lmdb } from '@tailrace/lmdb'
import { postgresTables } from '@tailrace/postgres'
import type { ReadStore } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../../../test/support/postgres.ts'
import { orders as app } from '../app.ts'
import { OrdersInMemory } from '../orders-in-memory.ts'
import { seededOffers } from '../seeded-offers.ts'
import { orderLife } from '../traffic/order-life.ts'
import { Random } from '../traffic/random.ts'

// Every read model, on the store that the order system binds it to: repeats, crashes and overtaken workers change nothing.

let database: FreshDatabase
let folder: string
let tables: ReadStore
let keyValue: ReadStore
beforeAll(async () => {
  database = await freshDatabase()
  folder = mkdtempSync(join(tmpdir(), 'verify-'))
  tables = postgresTables({ url: database.url })
  keyValue = lmdb({ path: folder })
})
afterAll(async () => {
  await Promise.all([tables.close(), keyValue.close()])
  rmSync(folder, { recursive: true })
  await database.drop()
})

type GivenEvent = NonNullable<Parameters<typeof verifyProjection>[1]['events']>[number]

/** The log of some lives, as they interleave. */
function lives(count: number): GivenEvent[] {
  const random = new Random(11)
  const at = Date.parse('2026-11-26T12:00:00.000Z')
  const steps = Array.from({ length: count }, (_, i) =>
    orderLife({ random, offers: seededOffers(), at: at + i * 500, pace: 1 }),
  ).flat()
  const system = new OrdersInMemory()
  for (const step of steps.toSorted((a, b) => a.at - b.at)) {
    system.now = new Date(Math.round(step.at)).toISOString()
    system.done(step.command as Parameters<OrdersInMemory['done']>[0], step.actor, step.input)
  }
  return system.log.map(({ stream, aggregate, at: when, type, data }) => ({
    stream,
    aggregate,
    at: when,
    event: { type, data },
  }))
}

const log = lives(12)

test.each([...app.projections.keys()])(
  '%s is the same however its events arrive',
  { timeout: 120_000 },
  async (name) => {
    const store = name === 'order-status' ? keyValue : tables
    const verified = await verifyProjection(app.projections.get(name)!, {
      store,
      events: log,
      seeds: [1],
    })
    expect(verified.runs).toBeGreaterThan(3)
    expect(verified.documents).toBeGreaterThan(0)
  },
)
