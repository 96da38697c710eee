import { event, projection, sqlProjection } from 'tailrace'
import type { CheckpointMove } from 'tailrace/adapter'
import { z } from 'zod'

// Read models for processes that a test freezes.

export const history = '00000000000000aa/1'

const Happened = event('Happened', z.object({}))

export const Notes = projection('notes', {
  version: 1,
  from: [Happened],
  document: z.object({ by: z.string() }),
  lookup: { by: [['by']] },
  key: (e) => e.stream,
  on: { Happened: () => null },
})

export const Tally = sqlProjection('tally', {
  version: 1,
  from: [Happened],
  scope: 'log',
  tables: { tally: 'id text primary key, n bigint not null' },
  on: { Happened: async () => undefined },
})

export function moveTo(fence: bigint, to: bigint, from?: bigint): CheckpointMove {
  return { range: 0, slots: { from: 0, to: 255 }, fence, from, to }
}
