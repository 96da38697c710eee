import type { CommandOptions } from '../run/engine.ts'
import { expect, test } from 'vitest'
import { oneLine, system } from '../../test/sample-orders.ts'
import { fresh } from '../../test/fresh-executor.ts'

test('sets and cancels timers with the events, one per schedule and stream', async () => {
  const { send, store } = fresh()
  const input = {
    orderId: 'o-1',
    customerId: 'c-1',
    lines: oneLine,
    expiresAt: '2026-01-02T00:00:00.000Z',
  }
  await send('placeOrder', input)
  expect(store.timers).toMatchObject([
    {
      schedule: 'order-expiry',
      stream: 'o-1',
      at: input.expiresAt,
      command: 'expireOrder',
      input: { orderId: 'o-1' },
    },
  ])
  await Promise.all([
    send('payOrder', { orderId: 'o-1', paymentId: 'p', amountMinor: 1 }),
    send('placeOrder', { ...input, orderId: 'o-2' }),
  ])
  expect(store.timers.map((timer) => timer.stream)).toEqual(['o-2'])
  expect(await send('expireOrder', { orderId: 'o-2' }, { actor: system })).toMatchObject({
    kind: 'committed',
    version: 2,
  })
})

test('a command that a timer issued has an effect only while that is set, and removes it', async () => {
  const { send, store } = fresh()
  const order = (id: string, hour: string) => ({
    orderId: id,
    customerId: 'c-1',
    lines: oneLine,
    expiresAt: `2026-01-02T${hour}:00:00.000Z`,
  })
  await Promise.all(['o-1', 'o-2', 'o-3'].map((id) => send('placeOrder', order(id, '00'))))
  const timers = new Map(store.timers.map((timer) => [timer.stream, timer]))
  const expire = (id: string) =>
    send('expireOrder', { orderId: id }, {
      actor: system,
      timer: timers.get(id),
    } as CommandOptions)
  expect(await expire('o-1')).toMatchObject({ kind: 'committed', version: 2 })
  expect(store.timers.map(({ stream }) => stream)).toEqual(['o-2', 'o-3'])
  expect(await expire('o-1')).toMatchObject({ kind: 'refused', code: 'TIMER_GONE' })
  // In one batch with what cancels it, it comes too late; a second issue beside the first one, too.
  const [paid, late] = await Promise.all([
    send('payOrder', { orderId: 'o-2', paymentId: 'p', amountMinor: 1 }),
    expire('o-2'),
  ])
  expect([paid.kind, late.kind]).toEqual(['committed', 'refused'])
  const both = await Promise.all([expire('o-3'), expire('o-3')])
  expect(both).toMatchObject([{ kind: 'committed' }, { kind: 'refused', code: 'TIMER_GONE' }])
  expect(store.timers).toEqual([])
  expect(store.violations).toEqual([])
})

test('takes the commands that arrive during a commit together into the next batch', async () => {
  const releases: (() => void)[] = []
  const { place, store } = fresh(
    { pause: () => new Promise((resolve) => releases.push(resolve)) },
    { batchesMax: 1 },
  )
  const first = place('o-0')
  await turn()
  const rest = Array.from({ length: 250 }, (_, i) => place(`o-${i + 1}`))
  await drain(releases, Promise.all([first, ...rest]))
  expect(store.calls.commit).toBe(3)
})

test('shares a burst among the batches that may run, so that one decides while the other commits', async () => {
  const releases: (() => void)[] = []
  const sizes: number[] = []
  const { place, send, store } = fresh({
    pause: () => new Promise((resolve) => releases.push(resolve)),
  })
  const counted = store.commit.bind(store)
  store.commit = (batch) => {
    sizes.push(batch.commands.length)
    return counted(batch)
  }
  const many = Array.from({ length: 40 }, (_, i) => place(`o-${i}`))
  await drain(releases, Promise.all(many))
  expect(sizes).toEqual([20, 20])
  // A few are not worth it, and the commands of one aggregate are never parted.
  const few = Array.from({ length: 15 }, (_, i) => place(`o-${100 + i}`))
  await drain(releases, Promise.all(few))
  const hot = Array.from({ length: 40 }, () =>
    send('shipLine', { orderId: 'o-1', line: 1, quantity: 1 }),
  )
  await drain(releases, Promise.all(hot))
  expect(sizes).toEqual([20, 20, 15, 40])
})

test('keeps the later commands of an aggregate back while it is in a batch', async () => {
  const releases: (() => void)[] = []
  const { send, place, store } = fresh({
    pause: () => new Promise((resolve) => releases.push(resolve)),
  })
  const first = place('o-1')
  await turn()
  const rest = [send('shipLine', { orderId: 'o-1', line: 1, quantity: 1 }), place('o-2')]
  await turn()
  // o-2 has a batch of its own on the second connection; o-1 waits.
  expect(releases).toHaveLength(2)
  await drain(releases, Promise.all([first, ...rest]))
  expect(store.calls).toMatchObject({ commit: 3, commitEach: 0 })
})

test('refuses what exceeds the queue', async () => {
  const { place } = fresh({}, { queueMax: 2 })
  const outcomes = await Promise.allSettled([place('o-1'), place('o-2'), place('o-3')])
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect(outcomes[2]).toMatchObject({ reason: { code: 'COMMAND_TOO_BUSY', retryable: true } })
})

test('answers what it took before it closes, and takes nothing after', async () => {
  const { place, executor } = fresh()
  const taken = place('o-1')
  const closing = executor.close()
  await expect(place('o-2')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await closing
  expect(await taken).toMatchObject({ kind: 'committed' })
})

test('knows the state of a command: accepted, committed, rejected, failed, unknown', async () => {
  const { place, executor, send } = fresh()
  const first = place('o-1')
  const { commandId } = (await first) as { commandId: string }
  expect(await executor.status(commandId)).toMatchObject({ state: 'committed', version: 1 })
  const rejected = await place('o-1')
  expect(await executor.status(rejected.commandId!)).toMatchObject({
    state: 'rejected',
    rejection: { code: 'ORDER_EXISTS' },
  })
  const failed = await send('touchOrder', { orderId: 'o-1', note: 'throw' })
  expect(await executor.status(failed.commandId!)).toMatchObject({
    state: 'failed',
    name: 'touchOrder',
  })
  expect(await executor.status('00000000-0000-7000-8000-999999999999')).toBeUndefined()
})

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

async function drain(releases: (() => void)[], until: Promise<unknown>): Promise<void> {
  let over = false
  void until.finally(() => (over = true))
  for (let i = 0; i < 1_000 && !over; i++) {
    for (const release of releases.splice(0)) release()
    await turn()
  }
  await until
}
