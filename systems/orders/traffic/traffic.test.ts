import type { CommandOptions, CommandOutcome, Engine } from 'tailrace'
import { expect, test } from 'vitest'
import { OrdersInMemory } from '../orders-in-memory.ts'
import { seededOffers } from '../seeded-offers.ts'
import { startTraffic, tellHistory } from './traffic.ts'

const offers = seededOffers()

/** An engine that decides in memory: what traffic sends must be allowed there as it is on servers. */
function engineOf(
  orders: OrdersInMemory,
  before: () => Promise<void> = () => Promise.resolve(),
): Engine {
  const command = async (
    name: string,
    input: unknown,
    { actor }: CommandOptions = {},
  ): Promise<CommandOutcome> => {
    await before()
    orders.now = new Date().toISOString()
    const told = orders.send(name as Parameters<OrdersInMemory['send']>[0], actor!, input)
    if (told.kind === 'committed')
      return {
        kind: 'committed',
        commandId: '',
        aggregateId: '',
        version: 1,
        token: '',
        replayed: false,
      }
    if (told.kind === 'rejected') return { ...told, commandId: '', replayed: false }
    return { kind: 'refused', code: told.code, message: told.code }
  }
  return { command } as Partial<Engine> as Engine
}

test('a made-up past is told by the system, oldest first, and all of it is allowed', async () => {
  const orders = new OrdersInMemory()
  const counts = await tellHistory({ engine: engineOf(orders), offers, seed: 5, orders: 60 })
  expect(counts).toMatchObject({ failed: {}, dropped: 0 })
  expect(counts.committed).toBe(counts.sent)
  const placed = orders.log
    .filter(({ type }) => type === 'OrderPlaced')
    .map(({ data }) => data.occurredAt)
  expect(placed).toHaveLength(60)
  const days = (Date.now() - Date.parse(placed.toSorted()[0]!)) / 86_400_000
  expect(days).toBeGreaterThan(4.9)
  expect(days).toBeLessThan(5.1)
  expect(orders.log.every(({ data }) => Date.parse(data.occurredAt) <= Date.now())).toBe(true)
})

test('traffic places orders until it is stopped, and waits for what is under way', async () => {
  const orders = new OrdersInMemory()
  let open = 0
  const slow = async (): Promise<void> => {
    open += 1
    await new Promise((resolve) => setImmediate(resolve))
    open -= 1
  }
  const traffic = startTraffic({ engine: engineOf(orders, slow), offers, seed: 5, rate: 6_000 })
  await expect.poll(() => orders.log.length, { timeout: 15_000 }).toBeGreaterThan(50)
  await traffic.stop()
  expect(open).toBe(0)
  const { sent, committed, failed } = traffic.counts()
  expect(failed).toEqual({})
  expect(committed).toBe(sent)
  const after = orders.log.length
  await new Promise((resolve) => setImmediate(resolve))
  expect(orders.log.length).toBe(after)
})

test('counts what fails by its code', async () => {
  const engine = {
    command: () => Promise.reject(Object.assign(new Error('busy'), { code: 'COMMAND_TOO_BUSY' })),
  } as Partial<Engine> as Engine
  const counts = await tellHistory({ engine, offers, seed: 5, orders: 3 })
  expect(counts.failed).toEqual({ COMMAND_TOO_BUSY: counts.sent })
})
