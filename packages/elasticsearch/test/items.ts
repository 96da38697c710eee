import { event, projection } from 'tailrace'
import type { ApplyBatch, CheckpointMove, DocumentChange } from 'tailrace/adapter'
import { z } from 'zod'

// A small read model to open stores with, and batches for it.

export const history = '00000000000000aa/1'

const Changed = event('Changed', z.object({}))

export interface Item {
  readonly title: string
  readonly status: string
  readonly count?: number
  readonly at: string
}

export function itemsProjection(name = 'items', version = 1) {
  return projection(name, {
    version,
    from: [Changed],
    document: z.object({
      title: z.string(),
      status: z.string(),
      count: z.int().optional(),
      at: z.iso.datetime(),
    }),
    lookup: { by: [['status', 'at']], text: ['title'] },
    key: (e) => e.stream,
    on: { Changed: () => null },
  })
}

export function item(title: string, over: Partial<Item> = {}): Item {
  return { title, status: 'open', count: 1, at: '2026-11-20T10:00:00.000Z', ...over }
}

export function put(key: string, document: unknown, position: bigint): DocumentChange {
  return { key, document, position }
}

export function batch(
  from: bigint | undefined,
  to: bigint,
  changes: readonly DocumentChange[] = [],
  over: Partial<CheckpointMove> = {},
): ApplyBatch {
  const move = { range: 0, slots: { from: 0, to: 255 }, fence: 1n, from, to, ...over }
  return { moves: [move], changes, rows: [], park: [] }
}
