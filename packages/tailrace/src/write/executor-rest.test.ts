import { expect, test } from 'vitest'
import { drive } from '../../test/drive.ts'
import { fresh } from '../../test/fresh-executor.ts'
import { TailraceError } from '../errors.ts'
import type { StoreFault } from '../testing/memory-write-store.ts'

// Whatever the store does: every command is answered or ended with an error, once, and then the executor is at rest.

type Sent = { readonly value?: unknown; readonly error?: { readonly code?: string } }

function settled(promises: readonly Promise<unknown>[]): Promise<Sent[]> {
  return Promise.all(
    promises.map((promise) =>
      promise.then(
        (value): Sent => ({ value }),
        (error: { code?: string }): Sent => ({ error }),
      ),
    ),
  )
}

const startMs = 3_600_000

function setup(fault: StoreFault | undefined, times: number, operationsMax: number) {
  let left = times
  const rig = fresh(
    {
      fault: ({ operation }) => (operation !== 'load' && left-- > 0 ? fault : undefined),
    },
    { operationsMax, queueMax: 8 },
  )
  // A process that has run for a while.
  rig.clock.advance(startMs)
  const touch = (orderId: string, note: string) => rig.send('touchOrder', { orderId, note })
  const send = () => [
    rig.place('o-1'),
    touch('o-1', 'a'),
    touch('o-1', 'b'),
    rig.place('o-2'),
    touch('o-2', 'c'),
  ]
  return { ...rig, send }
}

test.each<[StoreFault, number]>([
  ['conflict', 1],
  ['conflict', 3],
  ['lost-before-commit', 1],
  ['lost-after-commit', 1],
  ['lost-while-committing', 1],
])(
  'after a store fault (%s, %i times) every command has its place, and nothing is left',
  async (fault, times) => {
    for (const operationsMax of [1, 5_000]) {
      const { clock, executor, store, send } = setup(fault, times, operationsMax)
      const outcomes = await drive(clock, settled(send()))
      expect(outcomes.map(({ value }) => value)).toMatchObject(
        [1, 2, 3, 1, 2].map((version) => ({ kind: 'committed', version })),
      )
      expect(store.events).toHaveLength(5)
      await drive(clock, executor.close())
    }
  },
)

test('a database that does not answer ends every command that was not sent, also those that had no place in the batch', async () => {
  for (const operationsMax of [1, 5_000]) {
    const { clock, executor, store, send } = setup('unavailable', 100, operationsMax)
    const outcomes = await drive(clock, settled(send()))
    expect(outcomes.map(({ error }) => error?.code)).toEqual(Array(5).fill('UNAVAILABLE'))
    expect(store.events).toEqual([])
    // Nobody waits until an outcome that is known is unknown.
    expect(clock.monotonic()).toBe(startMs)
    await drive(clock, executor.close())
  }
})

test('a command that was ended because the database did not answer is not run later', async () => {
  const { clock, executor, store, send } = setup('unavailable', 1, 5_000)
  const outcomes = await drive(clock, settled(send()))
  expect(outcomes.map(({ error }) => error?.code)).toEqual(
    ['o-1', 'o-1', 'o-1', 'o-2', 'o-2'].map(() => 'UNAVAILABLE'),
  )
  await drive(clock, executor.close())
  expect(store.events).toEqual([])
})

test('commands that lose every race are ended, and make room for as many others', async () => {
  const { clock, executor, send } = setup('conflict', 16, 5_000)
  for (let round = 0; round < 3; round++) {
    const outcomes = await drive(clock, settled(send()))
    for (const { value, error } of outcomes)
      expect(error?.code ?? (value as { kind: string }).kind).toMatch(
        /^(CONTENTION|committed|rejected)$/,
      )
  }
  await drive(clock, executor.close())
})

test('those who lose races wait longer, within bounds', async () => {
  const { clock, send } = setup('conflict', 12, 5_000)
  await drive(clock, settled(send().slice(0, 1)))
  expect(clock.monotonic()).toBeGreaterThan(startMs)
  expect(clock.monotonic()).toBeLessThanOrEqual(startMs + 11 * 50)
})

test('no more commands wait than may, whatever went wrong before', async () => {
  const { clock, executor, place } = setup('conflict', 2, 5_000)
  await drive(clock, settled([place('o-1'), place('o-2')]))
  const many = Array.from({ length: 9 }, (_, i) => place(`o-${i + 10}`))
  const outcomes = await drive(clock, settled(many))
  expect(outcomes.map(({ error }) => error?.code)).toEqual([
    ...Array(8).fill(undefined),
    'COMMAND_TOO_BUSY',
  ])
  await drive(clock, executor.close())
})

test.each(['do not come', 'cannot be read'])(
  'a command whose commit was lost is not ended by rows that %s: it may have happened',
  async (why) => {
    let lost = 1
    const { clock, store, place, executor } = fresh({
      fault: ({ operation }) =>
        operation !== 'load' && lost-- > 0 ? 'lost-after-commit' : undefined,
    })
    const load = store.load.bind(store)
    let failing = 2
    store.load = (...args) => {
      if (failing-- <= 0) return load(...args)
      return Promise.reject(
        why === 'do not come'
          ? new TailraceError('UNAVAILABLE', 'expected an answer', { retryable: true })
          : new Error('a row of another shape'),
      )
    }
    const outcome = await drive(clock, place('o-1'))
    expect(outcome).toMatchObject({ kind: 'committed', version: 1, replayed: false })
    expect(failing).toBeLessThan(1)
    expect(store.events).toHaveLength(1)
    await drive(clock, executor.close())
  },
)

test('commands whose rows cannot be read are refused, and leave nothing behind', async () => {
  const { clock, store, send, place, executor } = fresh()
  await drive(clock, Promise.all([place('o-1'), place('o-2')]))
  const load = store.load.bind(store)
  store.load = () => Promise.reject(new Error('a row of another shape'))
  const touch = (orderId: string) => send('touchOrder', { orderId, note: 'x' })
  expect(await drive(clock, Promise.all([touch('o-1'), touch('o-1'), touch('o-2')]))).toMatchObject(
    ['o-1', 'o-1', 'o-2'].map(() => ({
      kind: 'refused',
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('the rows of its aggregate cannot be read'),
    })),
  )
  store.load = load
  await drive(clock, executor.close())
  // Told that nothing was committed, nothing is.
  expect(store.events).toHaveLength(2)
})
