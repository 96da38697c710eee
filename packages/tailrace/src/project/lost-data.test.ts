import { expect, test } from 'vitest'
import { z } from 'zod'
import { versionedStore } from '../../../conformance/test/versioned-store.ts'
import { event, projection, rowsProjection } from '../index.ts'
import type { EventLog } from '../ports/event-log.ts'
import { inspectVersion } from './inspect-version.ts'

// A store without transactions is written before its checkpoint. When a worker ended between the two, and a restore lost
// the events in question, nothing comes that would replace what it wrote.

const Notes = projection('notes', {
  version: 1,
  from: [event('Noted', z.object({ text: z.string() }))],
  document: z.object({ text: z.string() }),
  key: (e) => e.stream,
  on: { Noted: (e) => e.data },
})

const Lines = rowsProjection('lines', {
  version: 1,
  from: [event('Noted', z.object({ text: z.string() }))],
  row: z.object({ text: z.string() }),
  on: { Noted: (e) => [e.data] },
})

const identity = { systemId: 'a', epoch: 3 }

/** A log that was restored twice: positions 1 to 30, then 1000031 to 1000060, then from 2000061 on. */
const restored = {
  identity,
  head: async () => ({ ...identity, position: 2_000_070n }),
  epochs: async () => [
    { systemId: 'a', epoch: 1, firstPosition: 0n, lastPosition: 0n },
    { systemId: 'a', epoch: 2, firstPosition: 1_000_030n, lastPosition: 30n },
    { systemId: 'a', epoch: 3, firstPosition: 2_000_060n, lastPosition: 1_000_060n },
  ],
} as unknown as EventLog

/** What is said of a version whose checkpoint is of a history, and which holds a document of a position beyond it. */
async function inspected(history: string, checkpoint: bigint, stored: bigint): Promise<string> {
  const store = versionedStore()
  const opened = await store.open(Notes, history)
  const slots = { from: 0, to: 255 }
  const batch = { changes: [], rows: [], park: [] }
  const move = { range: 0, slots, fence: 1n, from: undefined, to: checkpoint }
  await opened.apply({ ...batch, moves: [move] })
  const change = { key: 'n', document: { text: 'of a worker that ended' }, position: stored }
  await opened.apply({ ...batch, moves: [], changes: [change] })
  return inspectVersion(Notes, store, restored).then(
    () => 'goes on',
    (error: unknown) => String(error),
  )
}

test.for([
  ['a/1', 20n, 31n, 'between 30 and 1000030'],
  ['a/1', 20n, 1_000_030n, 'between 30 and 1000030'],
  ['a/1', 20n, 1_000_061n, 'between 1000060 and 2000060'],
  ['a/2', 1_000_040n, 1_000_061n, 'between 1000060 and 2000060'],
] as const)(
  'beyond the checkpoint of history %s at %s, position %s is of a lost event',
  async ([history, checkpoint, stored, where]) => {
    const said = await inspected(history, checkpoint, stored)
    expect(said).toContain(`something of an event ${where}, which the log has lost`)
    expect(said).toContain('rebuild the projection')
  },
)

test.for([
  ['a/1', 20n, 30n],
  ['a/1', 20n, 1_000_031n],
  ['a/2', 1_000_040n, 1_000_060n],
  ['a/2', 1_000_040n, 2_000_061n],
] as const)(
  'beyond the checkpoint of history %s at %s, position %s is of an event that comes again',
  async ([history, checkpoint, stored]) => {
    expect(await inspected(history, checkpoint, stored)).toBe('goes on')
  },
)

test.for([
  [[], [0], 'between 30 and 1000030'],
  [[0], [0, 1], 'between 30 and 1000030'],
  [[0], [0], 'goes on'],
] as const)(
  'with checkpoints of ranges %j, ranges %j of rows: %s',
  async ([started, ranges, expected]) => {
    const store = versionedStore()
    const opened = await store.open(Lines, 'a/3')
    const slots = { from: 0, to: 255 }
    const batch = { changes: [], rows: [], park: [] }
    for (const range of started)
      await opened.apply({
        ...batch,
        moves: [{ range, slots, fence: 1n, from: undefined, to: 2_000_065n }],
      })
    const change = { key: 'n', document: { text: 'of a worker that ended' }, position: 31n }
    await opened.apply({ ...batch, moves: [], changes: [change] })
    const said = await inspectVersion(Lines, store, restored, ranges).then(
      () => 'goes on',
      (error: unknown) => String(error),
    )
    expect(said).toContain(expected)
  },
)

test('where every checkpoint is of the present history, nothing is looked through', async () => {
  expect(await inspected('a/3', 2_000_065n, 31n)).toBe('goes on')
})
