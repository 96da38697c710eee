import { event, projection } from 'tailrace'
import type { ApplyBatch, ProjectionStore, StoredDocument } from 'tailrace/adapter'
import { z } from 'zod'

// A read model whose state at any position can be told without folding: event n counts in document n % keys, and every
// tenth event is parked under one key.

export const keys = 40n
export const history = '00000000000000aa/1'

const Ticked = event('Ticked', z.object({}))

export const countsProjection = projection('counts', {
  version: 1,
  from: [Ticked],
  document: z.object({ count: z.int(), last: z.int() }),
  key: (e) => String(e.position % keys),
  scope: 'log',
  on: { Ticked: (e, doc) => ({ count: (doc?.count ?? 0) + 1, last: Number(e.position) }) },
})

export interface Count {
  readonly count: number
  readonly last: number
}

/** What document `key` is at a position. */
export function countAt(key: bigint, position: bigint): Count | undefined {
  const first = key === 0n ? keys : key
  if (position < first) return undefined
  const count = (position - first) / keys
  return { count: Number(count) + 1, last: Number(first + count * keys) }
}

export function parkedAt(position: bigint): bigint[] {
  return Array.from({ length: Number(position / 10n) }, (_, i) => BigInt((i + 1) * 10))
}

const failure = { eventId: 'c/0', type: 'Ticked', error: 'Error: no', attempts: 1 }

/** The batch of the next `size` events, folded on what the store holds. */
export async function stepOf(
  store: ProjectionStore,
  from: bigint | undefined,
  size: bigint,
): Promise<ApplyBatch> {
  const start = from ?? 0n
  const positions = Array.from({ length: Number(size) }, (_, i) => start + BigInt(i + 1))
  const documents = new Map<string, StoredDocument>(
    await store.load(positions.map((position) => String(position % keys))),
  )
  for (const position of positions) {
    const key = String(position % keys)
    const before = documents.get(key)?.document as Count | undefined
    documents.set(key, {
      document: { count: (before?.count ?? 0) + 1, last: Number(position) },
      position,
    })
  }
  const touched = new Set(positions.map((position) => String(position % keys)))
  const parked = positions.filter((position) => position % 10n === 0n)
  return {
    moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from, to: start + size }],
    changes: [...documents]
      .filter(([key]) => touched.has(key))
      .map(([key, { document, position }]) => ({ key, document, position })),
    rows: [],
    park: parked.length === 0 ? [] : [{ key: 'bad', positions: parked, failure }],
  }
}
