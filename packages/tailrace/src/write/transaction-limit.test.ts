import { app, transactionalCommand, type SqlTransaction } from 'tailrace'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { drive, turn } from '../../test/drive.ts'
import { logIdentity, Order, orders, OrderTouched, support } from '../../test/sample-orders.ts'
import { unhandledIn } from '../../test/unhandled.ts'
import { memoryWriteStore } from '../testing/memory-write-store.ts'
import { testClock } from '../testing/test-clock.ts'
import { createExecutor, type ExecutorOptions } from './executor.ts'

type Run = (use: {
  readonly tx: SqlTransaction
  readonly touch: (note: string) => Promise<void>
}) => Promise<void>

/** An executor with one slot for transactional commands: `hang` runs what a test gives, `touch` writes. */
async function fresh(run: Run, options: ExecutorOptions = {}) {
  const clock = testClock()
  const store = memoryWriteStore()
  const input = z.object({ orderId: z.string() })
  const common = {
    input,
    target: (one: { orderId: string }) => one.orderId,
    may: 'anyone',
  } as const
  const hang = transactionalCommand('hang', {
    ...common,
    run: ({ tx, emit, input: { orderId } }) =>
      run({ tx, touch: (note) => emit(Order, orderId, OrderTouched({ note })) }),
  })
  const touch = transactionalCommand('touch', {
    ...common,
    run: ({ emit, input: { orderId } }) => emit(Order, orderId, OrderTouched({ note: 'after' })),
  })
  const { placeOrder } = orders.commands
  const failures: unknown[] = []
  const executor = createExecutor({
    app: app({
      aggregates: { Order },
      commands: { placeOrder, hang, touch },
      projections: {},
      queries: {},
    }),
    store,
    clock,
    identity: logIdentity,
    options: { transactionsMax: 1, onFailure: (error) => failures.push(error), ...options },
  })
  const send = (name: string, given: unknown) => executor.submit(name, given, { actor: support })
  const lines = [{ line: 1, sku: 'a', quantity: 1 }]
  await drive(clock, send('placeOrder', { orderId: 'o-1', customerId: 'c-1', lines }))
  return { clock, store, executor, failures, send }
}

const never = new Promise<never>(() => {})
const hung = {
  kind: 'refused',
  code: 'COMMAND_FAILED',
  message: expect.stringContaining('did not end in time; nothing was committed'),
}

test('a transactional command that never ends has failed after its limit, and frees its slot', async () => {
  const { clock, store, executor, failures, send } = await fresh(async ({ touch }) => {
    await touch('before')
    await never
  })
  const first = send('hang', { orderId: 'o-1' })
  const second = send('touch', { orderId: 'o-1' })
  for (let i = 0; i < 5; i++) await turn()
  clock.advance(29_999)
  for (let i = 0; i < 5; i++) await turn()
  expect(failures).toEqual([])
  clock.advance(1)
  expect(await first).toMatchObject(hung)
  expect(failures).toMatchObject([
    {
      code: 'COMMAND_TIMED_OUT',
      message: expect.stringContaining('"hang" to end within 30000 ms'),
    },
  ])
  expect(await second).toMatchObject({ kind: 'committed', version: 2 })
  expect(store.events.map(({ data }) => data)).toMatchObject([{}, { note: 'after' }])
  await executor.close()
})

test('what a command does after its limit is refused, and does not end the process', async () => {
  let goOn = (): void => undefined
  const pause = new Promise<void>((resolve) => (goOn = resolve))
  const late: unknown[] = []
  const unhandled = await unhandledIn(async () => {
    const { clock, store, send } = await fresh(async ({ tx, touch }) => {
      await pause
      for (const step of [() => touch('late'), () => tx.query('select 1')])
        await step().catch((error: unknown) => late.push(error))
      throw new Error('nobody hears of it')
    })
    expect(await drive(clock, send('hang', { orderId: 'o-1' }))).toMatchObject(hung)
    goOn()
    for (let i = 0; i < 5; i++) await turn()
    expect(store.events).toHaveLength(1)
  })
  expect(late).toMatchObject([
    { message: expect.stringContaining('to use its transaction before it ends') },
    { message: expect.stringContaining('to use its transaction before it ends') },
  ])
  expect(unhandled).toEqual([])
})

test('closing waits no longer than the limit', async () => {
  const { clock, executor, send } = await fresh(() => never)
  const answer = send('hang', { orderId: 'o-1' })
  await drive(clock, executor.close())
  expect(clock.monotonic()).toBeLessThanOrEqual(31_000)
  expect(await answer).toMatchObject(hung)
})

test('a limit of Infinity is none', async () => {
  let goOn = (): void => undefined
  const pause = new Promise<void>((resolve) => (goOn = resolve))
  const run: Run = async ({ touch }) => pause.then(() => touch('late'))
  const { clock, send } = await fresh(run, { transactionMs: Infinity })
  const answer = send('hang', { orderId: 'o-1' })
  await turn()
  expect(clock.nextInMs()).toBeUndefined()
  goOn()
  expect(await answer).toMatchObject({ kind: 'committed' })
})
