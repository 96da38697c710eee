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

test.each<[string, Partial<Token>]>([
  ['a position beyond the head', { value: 6n }],
  ['another system', { systemId: 'b'.repeat(16) }],
  ['an older epoch', { epoch: 0 }],
  ['a newer epoch than the log has', { epoch: 9 }],
  ['a transaction that does not exist', { kind: 'xid', value: 999n }],
])('%s is of another history', async (_, over) => {
  const { tokens, token, log } = setup()
  log.record(5)
  await expect(tokens.placeOf(token(over), 1_000)).rejects.toMatchObject({
    code: 'TOKEN_OF_ANOTHER_HISTORY',
  })
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
})

test('more resolutions than the bound are refused', async () => {
  const { clock, log, head } = setup()
  log.xids.set('7', 'pending')
  const tokens = new TokenPositions({ log, clock, head, maxWaiters: 1 })
  const first = tokens.resolve('7', 100)
  await expect(tokens.resolve('7', 100)).rejects.toMatchObject({ code: 'TOO_MANY_WAITERS' })
  expect(await drive(clock, first)).toBe('pending')
  const again = tokens.resolve('7', clock.monotonic() + 100)
  expect(await drive(clock, again)).toBe('pending')
})
