import { expect, test } from 'vitest'
import { drive } from '../../test/drive.ts'
import { ManualLog } from '../../test/manual-log.ts'
import { Order } from '../../test/sample-orders.ts'
import type { App } from '../declare/app.ts'
import { app, reactor } from '../index.ts'
import type { GivenUpStore } from '../ports/given-up.ts'
import type { TimerStore } from '../ports/timers.ts'
import { testClock } from '../testing/test-clock.ts'
import { EffectsWatch } from './effects-watch.ts'

const mailer = reactor('mailer', { from: Order.events, on: {} })

/** A watch over a reactor of which a test says what the database answers. */
function watched(reactors: Record<string, typeof mailer> = { mailer }) {
  const clock = testClock()
  const log = new ManualLog(clock)
  let looks = 0
  let answer = (): Promise<bigint> => Promise.resolve(3n)
  const givenUp = {
    async report(names: readonly string[]) {
      looks++
      const position = await answer()
      return names.map((name) => ({
        reactor: name,
        position,
        givenUp: 0,
        repeating: 0,
        recent: [],
      }))
    },
  } as Partial<GivenUpStore> as GivenUpStore
  const application = app({
    aggregates: { Order },
    commands: {},
    projections: {},
    queries: {},
    reactors,
  })
  const timers = {} as TimerStore
  const watch = new EffectsWatch({ app: application as App, log, givenUp, timers, clock })
  return {
    watch,
    clock,
    looks: () => looks,
    answers: (next: typeof answer) => void (answer = next),
    look: () => drive(clock, watch.look()),
  }
}

test('several who ask share a look, and the next one comes half a second later', async () => {
  const { watch, clock, look, looks } = watched()
  await Promise.all([look(), look(), look()])
  await look()
  expect(looks()).toBe(1)
  expect(watch.seen?.reactors[0]?.position).toBe(3n)
  clock.advance(501)
  await look()
  expect(looks()).toBe(2)
})

test('a database that does not answer holds nobody up for long, and what was seen of it stays', async () => {
  const { watch, clock, look, answers } = watched()
  await look()
  answers(() => new Promise(() => undefined))
  clock.advance(501)
  const before = clock.monotonic()
  await look()
  expect(clock.monotonic() - before).toBeLessThanOrEqual(2_010)
  expect(watch.failure).toContain('within 2000 ms')
  expect(watch.seen?.reactors[0]?.position).toBe(3n)
  answers(() => Promise.reject(new Error('gone')))
  clock.advance(501)
  await look()
  expect(watch.failure).toBe('gone')
  answers(() => Promise.resolve(4n))
  clock.advance(501)
  await look()
  expect([watch.failure, watch.seen?.reactors[0]?.position]).toEqual([undefined, 4n])
})

test('an application without reactors and timers asks nothing', async () => {
  const { look, looks, watch } = watched({})
  await look()
  expect([looks(), watch.seen]).toEqual([0, undefined])
})
