import { aggregate, app, event, schedule, table } from 'tailrace'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { customer, logIdentity } from '../../test/sample-orders.ts'
import { unhandledIn } from '../../test/unhandled.ts'
import { memoryWriteStore } from '../testing/memory-write-store.ts'
import { testClock } from '../testing/test-clock.ts'
import { createExecutor } from './executor.ts'

const Made = event('Made', z.object({}))
const Thing = aggregate('thing', {
  id: z.string(),
  rows: { thing: table('things', z.object({ id: z.string(), version: z.int() })) },
  events: [Made],
  write: { Made: (_, to) => [to.thing.insert({})] },
})
const input = z.object({ id: z.string(), at: z.any().optional() })
const common = { input, target: (one: { id: string }) => one.id, decide: () => Made({}) } as const
const make = Thing.command('make', { ...common, on: 'new', may: 'anyone' })
const remind = Thing.command('remind', { ...common, on: 'existing', may: 'system' })
const remove = Thing.command('remove', { ...common, on: 'existing', may: 'system' })

/** A command whose event sets a timer as a schedule says. */
async function scheduled(change: () => unknown) {
  const store = memoryWriteStore()
  const failures: unknown[] = []
  const executor = createExecutor({
    app: app({
      aggregates: { Thing },
      commands: { make, remind },
      projections: {},
      queries: {},
      schedules: { due: schedule('due', Thing, { Made: change as never }) },
    }),
    store,
    clock: testClock(),
    identity: logIdentity,
    options: { onFailure: (error) => failures.push(error) },
  })
  const outcome = await executor.submit('make', { id: 't-1' }, { actor: customer })
  return { outcome, failures, store }
}

const call = remind.call({ id: 't-1' })

test.each([
  '2026-11-28T10:00:00Z',
  '2026-11-28T10:00:00.123456Z',
  '2026-11-28T10:00:00+01:00',
  '2026-11-28T10:00Z',
])('a timer is set for %s', async (at) => {
  const { store } = await scheduled(() => ({ at, call }))
  expect(store.timers).toMatchObject([{ schedule: 'due', stream: 't-1', at, command: 'remind' }])
})

test.each([
  ['"tomorrow"', () => ({ at: 'tomorrow', call })],
  ['"2026-11-28T10:00:00"', () => ({ at: '2026-11-28T10:00:00', call })],
  ['"2026-11-28"', () => ({ at: '2026-11-28', call })],
  ['"2026-13-28T10:00:00Z"', () => ({ at: '2026-13-28T10:00:00Z', call })],
  ['a Date', () => ({ at: new Date(0), call })],
  ['undefined', () => ({ at: undefined, call })],
])('a time that is %s fails the command, and names schedule and event', async (got, change) => {
  const { outcome, failures, store } = await scheduled(change)
  expect(outcome).toMatchObject({ kind: 'refused', code: 'COMMAND_FAILED' })
  expect(failures).toMatchObject([
    {
      code: 'HANDLER_RESULT_INVALID',
      message: `expected schedule "due" to give a time as RFC 3339 with its offset, such as 2026-11-28T10:00:00Z for event "Made", got ${got}`,
    },
  ])
  expect(store.events).toEqual([])
})

const at = '2026-11-28T10:00:00Z'

test.each([
  [
    'to call a command of the app for event "Made", got "remove"; add it to commands',
    () => ({ at, call: remove.call({ id: 't-1' }) }),
  ],
  ['to give a call, such as command.call({ … }) for event "Made", got undefined', () => ({ at })],
  [
    'to call "remind" with JSON for event "Made", got at "/at" a Date',
    () => ({ at, call: remind.call({ id: 't-1', at: new Date(0) }) }),
  ],
  [
    'to give { at, call }, \'cancel\' or undefined at once for event "Made", got a promise',
    async () => {
      throw new Error('late')
    },
  ],
  ['to give { at, call }, \'cancel\' or undefined at once for event "Made", got null', () => null],
])('a schedule is expected %s', async (message, change) => {
  const unhandled = await unhandledIn(async () => {
    const { failures } = await scheduled(change)
    expect(failures).toMatchObject([{ message: `expected schedule "due" ${message}` }])
  })
  expect(unhandled).toEqual([])
})
