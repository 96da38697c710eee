import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { testClock } from '../testing/test-clock.ts'
import { turn } from '../../test/drive.ts'
import { Waiters, type WaitOutcome } from './waiters.ts'

const slotsOf = [[], [3], [200]] as const

interface Modeled {
  readonly slots: readonly number[]
  readonly position: bigint
  readonly deadline: number
  readonly controller: AbortController
  expected: WaitOutcome | undefined
  outcome: WaitOutcome | undefined
}

const steps = fc.array(
  fc.oneof(
    fc.record({
      op: fc.constant('wait' as const),
      slots: fc.nat(2),
      position: fc.bigInt(1n, 40n),
      ms: fc.integer({ min: 0, max: 300 }),
    }),
    fc.record({
      op: fc.constant('advance' as const),
      low: fc.bigInt(0n, 40n),
      high: fc.bigInt(0n, 40n),
    }),
    fc.record({ op: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 120 }) }),
    fc.record({ op: fc.constant('abort' as const), which: fc.nat(50) }),
  ),
  { maxLength: 60 },
)

test('each waiter ends exactly when its position, its deadline or its abort comes first', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const clock = testClock()
      const waiters = new Waiters({ clock, max: 1_000 })
      const model: Modeled[] = []
      const open = (): Modeled[] => model.filter(({ expected }) => expected === undefined)
      for (const step of list) {
        if (step.op === 'wait') {
          const controller = new AbortController()
          const one: Modeled = {
            slots: slotsOf[step.slots]!,
            position: step.position,
            deadline: clock.monotonic() + step.ms,
            controller,
            expected: undefined,
            outcome: undefined,
          }
          model.push(one)
          void waiters
            .wait({
              projection: 'p',
              slots: one.slots,
              position: one.position,
              deadline: one.deadline,
              signal: controller.signal,
            })
            .then((outcome) => (one.outcome = outcome))
          if (step.ms === 0) one.expected = 'timeout'
        } else if (step.op === 'advance') {
          // Slot 3 is in the range that may be ahead.
          const [low, high] = step.low < step.high ? [step.low, step.high] : [step.high, step.low]
          const visible = (slots: readonly number[]): bigint => (slots[0] === 3 ? high : low)
          waiters.advance('p', visible)
          for (const one of open()) if (visible(one.slots) >= one.position) one.expected = 'reached'
        } else if (step.op === 'time') {
          clock.advance(step.ms)
          for (const one of open()) if (one.deadline <= clock.monotonic()) one.expected = 'timeout'
        } else if (open().length > 0) {
          const one = open()[step.which % open().length]!
          one.controller.abort()
          one.expected = 'aborted'
        }
        await turn()
        expect(model.map(({ outcome }) => outcome)).toEqual(model.map(({ expected }) => expected))
        expect(waiters.size).toBe(open().length)
      }
      clock.advance(10_000)
      await turn()
      expect(waiters.size).toBe(0)
      expect(clock.nextInMs()).toBeUndefined()
    }),
    { numRuns: 150 },
  )
})

test('one timer serves all waiters', async () => {
  const clock = testClock()
  let sleeps = 0
  const counting = {
    ...clock,
    sleep: (ms: number, signal?: AbortSignal) => (sleeps++, clock.sleep(ms, signal)),
  }
  const waiters = new Waiters({ clock: counting, max: 20_000 })
  const waits = Array.from({ length: 10_000 }, (_, i) =>
    waiters.wait({ projection: 'p', slots: [], position: BigInt(i + 1), deadline: 1_000 }),
  )
  expect(sleeps).toBe(1)
  waiters.advance('p', () => 6_000n)
  clock.advance(1_000)
  const outcomes = await Promise.all(waits)
  expect(outcomes.filter((outcome) => outcome === 'reached')).toHaveLength(6_000)
  expect(outcomes.filter((outcome) => outcome === 'timeout')).toHaveLength(4_000)
})

test('more waiters than the bound are refused at once, and accepted again when some have ended', async () => {
  const clock = testClock()
  const waiters = new Waiters({ clock, max: 2 })
  const wait = () => waiters.wait({ projection: 'p', slots: [], position: 5n, deadline: 100 })
  const first = [wait(), wait()]
  expect(wait).toThrow(expect.objectContaining({ code: 'TOO_MANY_WAITERS', retryable: true }))
  waiters.advance('p', () => 5n)
  expect(await Promise.all(first)).toEqual(['reached', 'reached'])
  const third = wait()
  clock.advance(100)
  expect(await third).toBe('timeout')
})

test('who waits for one projection is not woken by another', async () => {
  const clock = testClock()
  const waiters = new Waiters({ clock, max: 10 })
  const wait = waiters.wait({ projection: 'p', slots: [], position: 5n, deadline: 100 })
  waiters.advance('q', () => 50n)
  expect(waiters.waitingFor('p')).toBe(1)
  clock.advance(100)
  expect(await wait).toBe('timeout')
})
