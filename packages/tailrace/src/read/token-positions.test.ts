import { expect, test } from 'vitest'
import { drive, turn } from '../../test/drive.ts'
import { ManualLog } from '../../test/manual-log.ts'
import { testClock } from '../testing/test-clock.ts'
import { HeadWatch } from './head-watch.ts'
import { TokenPositions } from './token-positions.ts'
import { encodeToken, type Token } from './token.ts'

function setup() {
  const clock = testClock()
  const log = new ManualLog(clock)
  const head = new HeadWatch({ log, clock, positions: () => [] })
  const tokens = new TokenPositions({ log, clock, head })
  const token = (over: Partial<Token>): string =>
    encodeToken({
      systemId: log.systemId,
      epoch: log.epoch,
      kind: 'position',
      value: 1n,
      slots: [],
      ...over,
    })
  return { clock, log, head, tokens, token }
}

test('a position in the log is taken as it is, with its slots', async () => {
  const { tokens, token, log, head } = setup()
  log.record(5)
  await head.look()
  const asked = log.asked.head
  expect(await tokens.placeOf(token({ value: 5n, slots: [7, 9] }), 1_000)).toEqual({
    position: 5n,
    slots: [7, 9],
  })
  expect(log.asked.head).toBe(asked)
})

test('a position beyond the head as last seen is looked up once, and accepted when the log has grown', async () => {
  const { tokens, token, log, head } = setup()
  await head.look()
  log.record(5)
  expect(await tokens.placeOf(token({ value: 5n }), 1_000)).toMatchObject({ position: 5n })
  expect(log.asked.head).toBe(2)
})

test.each<[string, Partial<Token>, string]>([
  ['a position beyond the head', { value: 6n }, 'got position 6, beyond the head 5'],
  ['another system', { systemId: 'b'.repeat(16) }, 'got one of bbbbbbbbbbbbbbbb/1'],
  ['an older epoch', { epoch: 0 }, 'got one of 00000000000000aa/0'],
  ['a newer epoch than the log has', { epoch: 9 }, 'got one of 00000000000000aa/9'],
  [
    'a transaction that does not exist',
    { kind: 'xid', value: 999n },
    'got a transaction that this log does not have',
  ],
])('%s is of another history', async (_, over, what) => {
  const { tokens, token, log } = setup()
  log.record(5)
  await expect(tokens.placeOf(token(over), 1_000)).rejects.toMatchObject({
    code: 'TOKEN_OF_ANOTHER_HISTORY',
    message: `expected a token of this log, ${what}; read again without it`,
  })
})

test('a token that cannot be of this log costs it no look', async () => {
  const { tokens, token, log, head } = setup()
  log.record(5)
  await head.look()
  const others = [
    { epoch: 0 },
    { systemId: 'b'.repeat(16) },
    { systemId: 'b'.repeat(16), epoch: 9 },
  ]
  for (const over of others)
    await expect(tokens.placeOf(token(over), 1_000)).rejects.toThrow('expected a token of this log')
  expect(log.asked.head).toBe(1)
})

test('a failover that this process has not seen yet is looked for before a newer token is refused', async () => {
  const { tokens, token, log, head } = setup()
  await head.look()
  log.epoch = 2
  log.record(3)
  expect(await tokens.placeOf(token({ epoch: 2, value: 3n }), 1_000)).toMatchObject({
    position: 3n,
  })
})

test('a transaction id that a restored database gives again is another transaction', async () => {
  const { clock, tokens, token, log, head } = setup()
  const place = (over: Partial<Token>) =>
    drive(clock, tokens.placeOf(token({ kind: 'xid', epoch: log.epoch, ...over }), 10_000))
  log.record(5)
  log.xids.set('7', 5n)
  log.xids.set('8', 0n)
  expect(await place({ value: 7n })).toMatchObject({ position: 5n })
  expect(await place({ value: 8n })).toMatchObject({ position: 5n })
  // A question of before the restore is still open, and its transaction not yet there again.
  log.xids.set('9', 'pending')
  const before = tokens.resolve('9', 10_000)
  log.epoch = 2
  log.record(4)
  log.xids.set('7', 9n)
  await head.look()
  expect(await place({ value: 7n })).toMatchObject({ position: 9n })
  expect(await place({ value: 8n })).toMatchObject({ position: 9n })
  const after = place({ value: 9n })
  log.xids.set('9', 8n)
  expect(await after).toMatchObject({ position: 8n })
  await drive(clock, before)
})

test('a log that does not answer cannot say that a position is beyond it', async () => {
  const { tokens, token, log, head } = setup()
  log.record(5)
  await head.look()
  log.mood = 'down'
  expect(await tokens.placeOf(token({ value: 8n }), 1_000)).toMatchObject({ position: 8n })
})

test('garbage is refused as garbage', async () => {
  const { tokens } = setup()
  await expect(tokens.placeOf('hello', 1_000)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
})

test('many tokens are resolved with one question, each once', async () => {
  const { clock, tokens, token, log } = setup()
  for (let i = 1; i <= 300; i++) log.xids.set(String(i), BigInt(i))
  const list = Array.from({ length: 600 }, (_, i) =>
    token({ kind: 'xid', value: BigInt((i % 300) + 1) }),
  )
  const places = await drive(clock, Promise.all(list.map((one) => tokens.placeOf(one, 1_000))))
  expect(places.map(({ position }) => position)).toEqual(list.map((_, i) => BigInt((i % 300) + 1)))
  expect(log.asked.resolve).toHaveLength(1)
  await tokens.placeOf(list[0]!, 1_000)
  expect(log.asked.resolve).toHaveLength(1)
})

test('more tokens than one question may have are asked for in several', async () => {
  const { clock, tokens, log } = setup()
  const list = Array.from({ length: 2_500 }, (_, i) => String(i + 1))
  for (const xid of list) log.xids.set(xid, BigInt(xid) * 10n)
  const found = await drive(clock, Promise.all(list.map((xid) => tokens.resolve(xid, 1_000))))
  expect(found).toEqual(list.map((xid) => BigInt(xid) * 10n))
  expect(log.asked.resolve.map(({ length }) => length)).toEqual([1_000, 1_000, 500])
})

test('a transaction that is not sequenced is asked for again until it is', async () => {
  const { clock, tokens, token, log } = setup()
  log.xids.set('7', 'pending')
  const place = tokens.placeOf(token({ kind: 'xid', value: 7n }), 1_000)
  await turn()
  clock.advance(20)
  await turn()
  log.xids.set('7', 42n)
  expect(await drive(clock, place)).toMatchObject({ position: 42n })
  expect(clock.monotonic()).toBeLessThan(1_000)
})

test('the token of a command that wrote no event stands for everything that was committed before it', async () => {
  const { clock, tokens, token, log } = setup()
  log.record(5)
  log.commit()
  log.xids.set('7', 0n)
  const early = tokens.placeOf(token({ kind: 'xid', value: 7n }), 10)
  expect(await drive(clock, early)).toMatchObject({ position: 'pending' })
  const place = tokens.placeOf(token({ kind: 'xid', value: 7n }), 1_000)
  await turn()
  clock.advance(2)
  log.sequence()
  log.commit()
  expect(await drive(clock, place)).toMatchObject({ position: 6n })
  expect(clock.monotonic()).toBeLessThan(1_000)
  // It stays that position: what came later was not before it.
  log.record(3)
  const asked = log.asked.head
  expect(await tokens.placeOf(token({ kind: 'xid', value: 7n }), 1_000)).toMatchObject({
    position: 6n,
  })
  expect(log.asked.head).toBe(asked)
})

test('while the log does not answer, nobody knows what was committed before a command without events', async () => {
  const { clock, tokens, token, log } = setup()
  log.xids.set('7', 0n)
  expect(await drive(clock, tokens.resolve('7', 1_000))).toBe(0n)
  log.mood = 'down'
  const place = tokens.placeOf(token({ kind: 'xid', value: 7n }), 1_000)
  expect(await drive(clock, place)).toMatchObject({ position: 'pending' })
})

test('who stops waiting for a transaction leaves the others waiting for it', async () => {
  const { clock, tokens, log } = setup()
  log.xids.set('7', 'pending')
  const hasty = tokens.resolve('7', 50)
  const patient = tokens.resolve('7', 1_000)
  expect(await drive(clock, hasty)).toBe('pending')
  log.xids.set('7', 42n)
  expect(await drive(clock, patient)).toBe(42n)
  expect(clock.monotonic()).toBeLessThan(1_000)
})

test.each(['pending', 'down', 'hung'] as const)(
  'a resolution that does not come (%s) ends at the deadline as pending',
  async (why) => {
    const { clock, tokens, log } = setup()
    log.xids.set('7', 'pending')
    if (why !== 'pending') log.mood = why
    const place = tokens.resolve('7', 1_000)
    expect(await drive(clock, place)).toBe('pending')
    expect(clock.monotonic()).toBe(1_000)
  },
)

test('who does not wait still gets one question', async () => {
  const { clock, tokens, log } = setup()
  log.xids.set('7', 42n)
  expect(await tokens.resolve('7', clock.monotonic())).toBe(42n)
  log.xids.set('8', 'pending')
  expect(await tokens.resolve('8', clock.monotonic())).toBe('pending')
  log.xids.set('8', 43n)
  expect(await tokens.resolve('8', clock.monotonic())).toBe(43n)
  expect(await tokens.resolve('9', clock.monotonic())).toBeUndefined()
  log.mood = 'down'
  expect(await tokens.resolve('10', clock.monotonic())).toBe('pending')
  // What is known needs no question.
  expect(await tokens.resolve('8', clock.monotonic())).toBe(43n)
  expect(log.asked.resolve).toEqual([['7'], ['8'], ['8'], ['9'], ['10']])
})

test('who does not wait is not kept long by a log that hangs', async () => {
  const { clock, tokens, log } = setup()
  log.mood = 'hung'
  expect(await drive(clock, tokens.resolve('7', clock.monotonic()))).toBe('pending')
  expect(clock.monotonic()).toBe(250)
})

test('more resolutions than the bound are refused', async () => {
  const { clock, log, head } = setup()
  log.xids.set('7', 'pending')
  const tokens = new TokenPositions({ log, clock, head, maxWaiters: 1 })
  const first = tokens.resolve('7', 100)
  await expect(tokens.resolve('7', 100)).rejects.toMatchObject({
    code: 'TOO_MANY_WAITERS',
    retryable: true,
    message: expect.stringContaining('expected at most 1 tokens to be resolved at once'),
  })
  expect(await drive(clock, first)).toBe('pending')
  const again = tokens.resolve('7', clock.monotonic() + 100)
  expect(await drive(clock, again)).toBe('pending')
})

test('who was answered makes room for one other, also when its deadline has passed', async () => {
  const { clock, log, head } = setup()
  log.xids.set('7', 42n)
  log.xids.set('8', 'pending')
  const tokens = new TokenPositions({ log, clock, head, maxWaiters: 1 })
  expect(await drive(clock, tokens.resolve('7', 100))).toBe(42n)
  for (let passed = 0; passed < 200; passed += 50) {
    clock.advance(50)
    await turn()
  }
  const waiting = tokens.resolve('8', clock.monotonic() + 100)
  await expect(tokens.resolve('8', clock.monotonic() + 100)).rejects.toMatchObject({
    code: 'TOO_MANY_WAITERS',
  })
  expect(await drive(clock, waiting)).toBe('pending')
})
