import { expect, test } from 'vitest'
import { readRig } from '../../test/read-rig.ts'
import { unhandledIn } from '../../test/unhandled.ts'
import { bounded, eventual, strict } from '../declare/query.ts'
import { slotRanges } from '../log/slot.ts'
import type { QueryOutcome } from '../run/engine.ts'
import { decodeToken, encodeToken } from './token.ts'

type Rig = Awaited<ReturnType<typeof readRig>>
type AnswerOutcome = Extract<QueryOutcome, { kind: 'answer' }>

const token = (value: bigint, over: Partial<Parameters<typeof encodeToken>[0]> = {}): string =>
  encodeToken({
    systemId: '00000000000000aa',
    epoch: 1,
    kind: 'position',
    value,
    slots: [],
    ...over,
  })

async function answered(
  rig: Rig,
  options: Parameters<Rig['read']['query']>[2] = {},
  id = 'a',
): Promise<AnswerOutcome> {
  const outcome = await rig.settled(rig.read.query('note', { id }, options))
  if (outcome.kind !== 'answer')
    throw new Error(`expected an answer, got ${outcome.code}: ${outcome.message}`)
  return outcome
}

test('an answer says how fresh it is', async () => {
  const rig = await readRig()
  rig.store.documents.set('a', { text: 'hello' })
  rig.store.move(rig.log.record(3))
  await rig.pass(1_200)
  const { data, meta, waitedMs, token: seen } = await answered(rig)
  expect(data).toEqual({ text: 'hello' })
  expect(meta).toEqual({
    position: '3',
    asOf: expect.stringMatching(/Z$/),
    lagMs: 0,
    stale: false,
    reads: { notes: { position: '3', lagMs: 0, state: 'live' } },
  })
  expect(waitedMs).toBe(0)
  expect(decodeToken(seen)).toMatchObject({
    kind: 'position',
    value: 3n,
    systemId: rig.log.systemId,
    epoch: 1,
  })
  await rig.read.close()
})

test('what cannot be asked is refused as a value', async () => {
  const rig = await readRig()
  const refusal = async (name: string, input: unknown) => rig.read.query(name, input)
  expect(await refusal('nots', {})).toMatchObject({
    kind: 'refused',
    code: 'QUERY_UNKNOWN',
    message: expect.stringContaining('did you mean "note"'),
  })
  expect(await refusal('constructor', {})).toMatchObject({ code: 'QUERY_UNKNOWN' })
  expect(await refusal('note', { id: 7 })).toMatchObject({
    code: 'INPUT_INVALID',
    issues: [{ pointer: '/id' }],
  })
  await rig.read.close()
})

test('the policy is asked before anything is read', async () => {
  const rig = await readRig({ may: ({ actor, input }) => actor.id === input.id })
  rig.store.whileReading = () => {
    throw new Error('expected no reading')
  }
  expect(await rig.read.query('note', { id: 'a' })).toMatchObject({ code: 'NOT_AUTHENTICATED' })
  expect(
    await rig.read.query('note', { id: 'a' }, { actor: { role: 'customer', id: 'b' } }),
  ).toMatchObject({ code: 'NOT_ALLOWED' })
  rig.store.whileReading = () => undefined
  expect(
    await rig.read.query('note', { id: 'a' }, { actor: { role: 'customer', id: 'a' } }),
  ).toMatchObject({ kind: 'answer' })
  await rig.read.close()
})

test('a policy that gives neither true nor false lets nobody pass', async () => {
  for (const answer of [async () => false, async () => Promise.reject(new Error('late'))]) {
    const rig = await readRig({ may: answer as never })
    rig.store.whileReading = () => {
      throw new Error('expected no reading')
    }
    const unhandled = await unhandledIn(() =>
      expect(
        rig.read.query('note', { id: 'a' }, { actor: { role: 'customer', id: 'b' } }),
      ).rejects.toMatchObject({
        code: 'QUERY_FAILED',
        message: expect.stringContaining(
          'expected `may` of query "note" to give true, false or { because }',
        ),
      }),
    )
    expect(unhandled).toEqual([])
    await rig.read.close()
  }
})

test('the reason of a policy reaches the one who asked', async () => {
  const rig = await readRig({ may: () => ({ because: 'notes are closed today' }) })
  expect(
    await rig.read.query('note', { id: 'a' }, { actor: { role: 'customer', id: 'a' } }),
  ).toMatchObject({
    code: 'NOT_ALLOWED',
    message: 'expected an actor who may ask query "note": notes are closed today',
  })
  await rig.read.close()
})

test('a token is waited for, and the answer holds it', async () => {
  const rig = await readRig()
  rig.log.record(5)
  await rig.pass(1_100)
  const asked = rig.read.query('note', { id: 'a' }, { tokens: [token(5n)] })
  await rig.pass(100)
  rig.store.documents.set('a', { text: 'written' })
  rig.store.move(5n)
  const outcome = await rig.settled(asked)
  expect(outcome).toMatchObject({
    kind: 'answer',
    data: { text: 'written' },
    meta: { position: '5', stale: false },
  })
  expect((outcome as AnswerOutcome).waitedMs).toBeGreaterThanOrEqual(100)
  await rig.read.close()
})

test('a token of a transaction is waited for from its commit on', async () => {
  const rig = await readRig()
  rig.log.commit()
  rig.log.xids.set('77', 'pending')
  const asked = rig.read.query('note', { id: 'a' }, { tokens: [token(77n, { kind: 'xid' })] })
  await rig.pass(50)
  rig.log.sequence()
  rig.log.xids.set('77', 1n)
  await rig.pass(50)
  rig.store.move(1n)
  expect(await rig.settled(asked)).toMatchObject({
    kind: 'answer',
    meta: { position: '1', stale: false },
  })
  await rig.read.close()
})

test('a transaction that wrote no events is there from the start', async () => {
  const rig = await readRig()
  rig.log.xids.set('77', 0n)
  expect((await answered(rig, { tokens: [token(77n, { kind: 'xid' })] })).meta.stale).toBe(false)
  await rig.read.close()
})

test('the token of an answer that reached its tokens stands for them', async () => {
  const rig = await readRig()
  rig.log.record(5)
  rig.log.xids.set('77', 5n)
  rig.store.move(5n, [1])
  await rig.pass(1_100)
  const ask = async (slots: number[]): Promise<AnswerOutcome> =>
    answered(rig, { tokens: [token(77n, { kind: 'xid', slots })] })
  // Other slots are behind: the answer as a whole claims no more than they have.
  const reached = await ask([70])
  expect([reached.meta.position, reached.waitedMs]).toEqual(['0', 0])
  expect(decodeToken(reached.token)).toMatchObject({ kind: 'position', value: 5n })
  expect(decodeToken((await ask([5])).token)).toMatchObject({ value: 0n })
  await rig.read.close()
})

test('a token waits for its own slots only', async () => {
  const rig = await readRig()
  rig.log.record(5)
  rig.store.move(5n, [1])
  await rig.pass(1_100)
  expect((await answered(rig, { tokens: [token(5n, { slots: [70, 100] })] })).waitedMs).toBe(0)
  const other = await answered(rig, { tokens: [token(5n, { slots: [70, 5] })] })
  expect(other.meta.stale).toBe(true)
  await rig.read.close()
})

test('a token that is not reached in time gives a stale answer, after the wait and no later', async () => {
  const rig = await readRig({ freshness: eventual({ wait: '300ms' }) })
  rig.log.record(5)
  await rig.pass(1_100)
  const late = await answered(rig, { tokens: [token(5n)] })
  expect(late.meta.stale).toBe(true)
  expect(late.waitedMs).toBe(300)
  expect((await answered(rig, { tokens: [token(5n)], waitMs: 0 })).waitedMs).toBe(0)
  expect((await answered(rig, { tokens: [token(5n)], waitMs: 60_000 })).waitedMs).toBe(5_000)
  await rig.read.close()
})

test('a strict query waits for the head as it was asked for, or is refused', async () => {
  const rig = await readRig({ freshness: strict({ wait: '500ms' }) })
  await rig.pass(1_100)
  rig.log.record(5)
  const asked = rig.read.query('note', { id: 'a' })
  await rig.pass(50)
  rig.store.move(5n)
  expect(await rig.settled(asked)).toMatchObject({ kind: 'answer', meta: { position: '5' } })
  rig.log.record(1)
  expect(await rig.settled(rig.read.query('note', { id: 'a' }))).toMatchObject({
    kind: 'refused',
    code: 'NOT_CAUGHT_UP',
    retryAfterMs: 1_000,
  })
  expect(
    await rig.settled(rig.read.query('note', { id: 'a' }, { consistency: 'eventual' })),
  ).toMatchObject({ kind: 'answer' })
  await rig.read.close()
})

test('a strict query counts what is committed and not sequenced', async () => {
  const rig = await readRig()
  await rig.pass(1_100)
  rig.log.commit()
  const asked = rig.read.query('note', { id: 'a' }, { consistency: 'strict' })
  await rig.pass(30)
  rig.log.sequence()
  await rig.pass(30)
  rig.store.move(1n)
  expect(await rig.settled(asked)).toMatchObject({ kind: 'answer', meta: { position: '1' } })
  rig.log.commit()
  expect(
    await rig.settled(rig.read.query('note', { id: 'a' }, { consistency: 'strict' })),
  ).toMatchObject({ code: 'NOT_CAUGHT_UP' })
  await rig.read.close()
})

test('a bounded query is refused above its bound, and waits to come under it', async () => {
  const rig = await readRig({ freshness: bounded('1s', { wait: '2s' }) })
  rig.log.record(1)
  await rig.pass(900)
  expect((await answered(rig)).waitedMs).toBe(0)
  await rig.pass(600)
  const asked = rig.read.query('note', { id: 'a' })
  await rig.pass(500)
  rig.store.move(1n)
  expect(await rig.settled(asked)).toMatchObject({ kind: 'answer', meta: { lagMs: 0 } })
  rig.log.record(1)
  await rig.pass(1_500)
  expect(await rig.settled(rig.read.query('note', { id: 'a' }))).toMatchObject({
    code: 'NOT_CAUGHT_UP',
  })
  await rig.read.close()
})

test('a broken promise of freshness puts a notice into the answer', async () => {
  const rig = await readRig()
  rig.log.record(1)
  await rig.pass(1_500)
  const { meta } = await answered(rig)
  expect(meta.notice).toBe(`results may be delayed, as of ${meta.asOf.slice(11, 19)}`)
  expect(meta).toMatchObject({
    stale: true,
    lagMs: expect.any(Number),
    reads: { notes: { state: 'catching-up' } },
  })
  await rig.read.close()
})

test.each([
  ['malformed', 'nonsense', 'INVALID_TOKEN'],
  ['of another system', token(1n, { systemId: 'b'.repeat(16) }), 'TOKEN_OF_ANOTHER_HISTORY'],
  ['beyond the head', token(99n), 'TOKEN_OF_ANOTHER_HISTORY'],
])('a token %s is refused', async (_, text, code) => {
  const rig = await readRig()
  expect(await rig.settled(rig.read.query('note', { id: 'a' }, { tokens: [text] }))).toMatchObject({
    kind: 'refused',
    code,
  })
  await rig.read.close()
})

test('when too many wait, the next one is refused with the time to come back', async () => {
  const rig = await readRig({ maxWaiters: 1 })
  rig.log.record(5)
  await rig.pass(1_100)
  const first = rig.read.query('note', { id: 'a' }, { tokens: [token(5n)] })
  await rig.pass(5)
  expect(await rig.read.query('note', { id: 'a' }, { tokens: [token(5n)] })).toMatchObject({
    kind: 'refused',
    code: 'TOO_MANY_WAITERS',
    retryAfterMs: 1_000,
  })
  expect(await rig.settled(first)).toMatchObject({ kind: 'answer' })
  await rig.read.close()
})

test('a caller that is gone is not waited for', async () => {
  const rig = await readRig()
  rig.log.record(5)
  await rig.pass(1_100)
  const gone = new AbortController()
  const asked = rig.read.query('note', { id: 'a' }, { tokens: [token(5n)], signal: gone.signal })
  await rig.pass(20)
  gone.abort()
  const outcome = await rig.settled(asked)
  expect((outcome as AnswerOutcome).waitedMs).toBeLessThan(100)
  await rig.read.close()
})

test('a paused projection is not waited for', async () => {
  const rig = await readRig()
  rig.log.record(5)
  await rig.leases.setPaused('notes', true)
  await rig.pass(1_200)
  const outcome = await answered(rig, { tokens: [token(5n)] })
  expect(outcome.waitedMs).toBe(0)
  expect(outcome.meta).toMatchObject({ stale: true, reads: { notes: { state: 'paused' } } })
  await rig.read.close()
})

test('the position claimed was known before the query read: never newer than its data', async () => {
  const rig = await readRig()
  rig.store.move(rig.log.record(2))
  await rig.pass(1_200)
  rig.store.whileReading = () => {
    const moves = slotRanges(4).map((slots, range) => ({
      range,
      slots,
      fence: 1n,
      from: 2n,
      to: 9n,
    }))
    rig.read.applied('notes', 1, moves)
  }
  expect((await answered(rig)).meta.position).toBe('2')
  rig.store.whileReading = () => undefined
  expect((await answered(rig)).meta.position).toBe('9')
  await rig.read.close()
})

test('an answer that touches a parked key says so, and names no other key', async () => {
  const rig = await readRig()
  const failure = { eventId: 'c/0', type: 'Noted', error: 'x', attempts: 1 }
  rig.store.parked = [
    { key: 'a', firstPosition: 1n, events: 1, failure, sinceMs: 0 },
    { key: '@stream:b', firstPosition: 1n, events: 1, failure, sinceMs: 0 },
    { key: 'secret', firstPosition: 1n, events: 1, failure, sinceMs: 0 },
  ]
  await rig.pass(1_200)
  expect((await answered(rig, {}, 'a')).meta.parked).toEqual({ notes: ['a'] })
  expect((await answered(rig, {}, 'b')).meta.parked).toEqual({ notes: ['b'] })
  expect((await answered(rig, {}, 'c')).meta.parked).toBeUndefined()
  const all = await rig.settled(rig.read.query('all', {}))
  expect((all as AnswerOutcome).meta.parked).toEqual({ notes: [] })
  await rig.read.close()
})

test('with the log gone, queries answer from what is there, and say that it is stale', async () => {
  const rig = await readRig()
  rig.store.documents.set('a', { text: 'kept' })
  rig.store.move(rig.log.record(3))
  await rig.pass(1_200)
  rig.log.mood = 'down'
  await rig.pass(10_000)
  const outcome = await answered(rig)
  expect(outcome).toMatchObject({
    data: { text: 'kept' },
    meta: { position: '3', stale: true, notice: expect.any(String) },
  })
  expect(outcome.meta.lagMs).toBeGreaterThan(8_000)
  expect((await answered(rig, { tokens: [token(3n)] })).waitedMs).toBe(0)
  expect(
    await rig.settled(rig.read.query('note', { id: 'a' }, { consistency: 'strict' })),
  ).toMatchObject({ code: 'NOT_CAUGHT_UP' })
  await rig.read.close()
})

test('a query that throws fails as itself', async () => {
  const rig = await readRig()
  await expect(rig.settled(rig.read.query('note', { id: 'throws' }))).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: expect.stringContaining('the query is broken'),
  })
  await rig.read.close()
})

test('a store that does not answer ends the query within its limit', async () => {
  const rig = await readRig({ runMs: 4_000 })
  await rig.pass(300)
  rig.store.mood = 'hung'
  const startedAt = rig.clock.monotonic()
  await expect(rig.settled(rig.read.query('note', { id: 'a' }))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
  })
  expect(rig.clock.monotonic() - startedAt).toBeLessThanOrEqual(5_000)
  await rig.read.close()
})
