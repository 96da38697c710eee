import { event, projection, rowsProjection, type ProjectionDef } from 'tailrace'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { unhandledIn } from '../../test/unhandled.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import { compileProjection } from './compiled-projection.ts'
import { foldBatch, type FoldedBatch } from './fold-batch.ts'
import { planBatch } from './plan-batch.ts'

const rejecting = (async () => {
  throw new Error('late')
}) as never
const N = z.object({ n: z.int() })
const Noted = event('Noted', N)
const Grown = event('Grown', 2, N, { from1: rejecting })
const common = { version: 1, document: N, key: () => 'k' } as const

function folded(declared: ProjectionDef): FoldedBatch {
  const { type } = declared.from[0]!
  const recorded: RecordedEvent = {
    position: 1n,
    commandId: '00000000-0000-7000-8000-000000000001',
    ordinal: 1,
    type,
    schemaVersion: 1,
    data: { n: 1 },
    aggregate: 'note',
    stream: 'n-1',
    version: 1,
    slot: 0,
    at: '2026-01-01T00:00:00.000Z',
    xid: '1',
  } as never
  const compiled = compileProjection(declared)
  const plan = planBatch(compiled, [recorded], undefined)
  return foldBatch({ compiled, plan, documents: new Map(), parked: new Set() })
}

test.each([
  [
    'a fold',
    projection('p', { ...common, from: [Noted], on: { Noted: rejecting } }),
    'expected the handler of "Noted" to return a document, got a promise',
  ],
  [
    'a rows handler',
    rowsProjection('p', { version: 1, row: N, from: [Noted], on: { Noted: rejecting } }),
    'expected the handler of "Noted" to return rows, got a promise',
  ],
  [
    'a key function',
    projection('p', { ...common, from: [Noted], key: rejecting, on: { Noted: () => null } }),
    'expected the key function of projection "p" to give a key or a list of keys at once, got a promise',
  ],
  [
    'an upcaster',
    projection('p', { ...common, from: [Grown], on: { Grown: () => null } }),
    'expected upcaster from1 of event "Grown" to give the data of version 2 at once, got a promise',
  ],
])(
  '%s that returns a promise parks, and what it rejects with is heard',
  async (_, declared, message) => {
    const unhandled = await unhandledIn(async () => {
      const { park, changes } = folded(declared)
      expect(changes).toEqual([])
      expect(park).toMatchObject([{ failure: { error: expect.stringContaining(message) } }])
    })
    expect(unhandled).toEqual([])
  },
)
