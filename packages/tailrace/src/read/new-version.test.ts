import { expect, test } from 'vitest'
import { readRig, type ReadRig } from '../../test/read-rig.ts'
import { slotRanges } from '../log/slot.ts'
import { decodeToken, encodeToken } from './token.ts'

// Answers of stores without snapshots may show a little more than their token stands for. One version never takes that
// back; another version that readers come to must not either.

/** Version 1 is live and shows its readers position 3, of which tokens say 1; version 2 is declared. */
async function releasing(ofOtherCode?: number) {
  const rig = await readRig({ declaredVersion: 2 })
  await rig.leases.ensure('notes', 2, slotRanges(4))
  rig.store.ofOtherCode = ofOtherCode
  rig.log.record(3)
  rig.store.move(1n)
  await rig.pass(1_500)
  const token = encodeToken({ ...rig.log.identity, kind: 'position', value: 1n, slots: [] })
  const ask = (tokens: readonly string[] = [token]) =>
    rig.read.query('note', { id: 'a' }, { tokens, waitMs: 200 })
  return { rig, ask }
}

async function metaOf(rig: ReadRig, asked: ReturnType<ReadRig['read']['query']>) {
  const outcome = await rig.settled(asked)
  if (outcome.kind !== 'answer') throw new Error(`expected an answer, got ${outcome.message}`)
  return outcome.meta
}

test('a session is behind on another version until it has passed what the one before could show', async () => {
  const { rig, ask } = await releasing()
  expect(await metaOf(rig, ask())).not.toHaveProperty('behindToken')
  rig.store.live = 2
  await rig.pass(2_000)
  expect(await metaOf(rig, ask())).toMatchObject({ position: '1', behindToken: true })
  expect(await metaOf(rig, ask([]))).not.toHaveProperty('behindToken')
  const waiting = ask()
  rig.store.move(3n)
  expect(await metaOf(rig, waiting)).toMatchObject({ position: '3' })
  await rig.read.close()
})

test('it waits for the end of the log as it was then, and once', async () => {
  const { rig, ask } = await releasing()
  rig.store.live = 2
  await rig.pass(2_000)
  await metaOf(rig, ask())
  rig.log.record(5)
  rig.store.move(3n)
  await rig.pass(500)
  expect(await metaOf(rig, ask())).not.toHaveProperty('behindToken')
  rig.store.move(2n)
  await rig.pass(500)
  expect(await metaOf(rig, ask())).not.toHaveProperty('behindToken')
  await rig.read.close()
})

test('beside a live version that this code cannot read, it waits for the end of the log as it is', async () => {
  const { rig, ask } = await releasing(1)
  expect(await metaOf(rig, ask())).toMatchObject({ behindToken: true })
  rig.store.move(3n)
  await rig.pass(500)
  expect(await metaOf(rig, ask())).not.toHaveProperty('behindToken')
  rig.log.record(1)
  expect(await metaOf(rig, ask())).toMatchObject({ position: '3', behindToken: true })
  rig.store.live = 2
  await rig.pass(2_000)
  rig.store.move(4n)
  await rig.pass(500)
  expect(await metaOf(rig, ask())).toMatchObject({ position: '4' })
  rig.log.record(1)
  expect(await metaOf(rig, ask())).not.toHaveProperty('behindToken')
  await rig.read.close()
})

test.each([
  ['no version is known to be live', undefined],
  ['beside a live version that this code cannot read', 1],
])('%s, a token stands for all that its answer may have shown', async (_, live) => {
  const { rig, ask } = await releasing(live)
  rig.store.live = live
  await rig.pass(2_000)
  const tokenPosition = async (): Promise<bigint> => {
    const outcome = await rig.settled(ask([]))
    if (outcome.kind !== 'answer') throw new Error(`expected an answer, got ${outcome.message}`)
    expect(outcome.meta).toMatchObject({ position: '1' })
    return decodeToken(outcome.token).value
  }
  expect(await tokenPosition()).toBe(3n)
  rig.store.live = 2
  await rig.pass(2_000)
  expect(await tokenPosition()).toBe(1n)
  await rig.read.close()
})

test('while the log does not answer, nobody knows what others were shown', async () => {
  const { rig, ask } = await releasing(1)
  rig.store.move(3n)
  rig.log.mood = 'down'
  await rig.pass(500)
  expect(await metaOf(rig, ask())).toMatchObject({ behindToken: true })
  await rig.read.close()
})
