import { event } from 'tailrace'
import type { DocumentChange, DocumentReader, ProjectionStore } from 'tailrace/adapter'
import { z } from 'zod'
import type { Lab } from '../engines/lab.ts'
import type { Measured } from '../harness/goal.ts'
import { withCpu } from '../harness/measured-window.ts'

const Changed = event('Changed', z.object({}))

/** What projections of these documents have in common. Their events are never folded: changes are handed to the store. */
export const orderRows = {
  version: 1,
  from: [Changed],
  document: z.object({
    customerId: z.int(),
    status: z.string(),
    totalMinor: z.int(),
    lines: z.int(),
    revision: z.int(),
    updatedAt: z.iso.datetime(),
  }),
  key: (changed: { readonly stream: string }) => changed.stream,
  on: { Changed: () => null },
} as const

export interface OrderRow {
  readonly customerId: number
  readonly status: string
  readonly totalMinor: number
  readonly lines: number
  readonly revision: number
  readonly updatedAt: string
}

export interface KeyedRow {
  readonly key: string
  readonly document: OrderRow
}

export function rowOf(n: number, revision: number): KeyedRow {
  return {
    key: `order-${n}`,
    document: {
      customerId: n % 10_000,
      status: revision % 2 === 0 ? 'placed' : 'paid',
      totalMinor: 4_200 + (n % 7),
      lines: 2,
      revision,
      updatedAt: '2026-01-01T12:00:00.000Z',
    },
  }
}

/** Different rows out of the first `among`, in no order. */
export function someRows(count: number, revision: number, among: number): KeyedRow[] {
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(Math.floor(Math.random() * among))
  return [...chosen].map((n) => rowOf(n, revision))
}

/** Rows per second of `apply`, called with one batch after the other. */
export async function applyRows(
  lab: Lab,
  rows: readonly KeyedRow[],
  batch: number,
  apply: (rows: readonly KeyedRow[]) => Promise<void>,
): Promise<Measured> {
  const began = performance.now()
  const { cpuUsPerOp } = await withCpu(lab.serverPids(), async () => {
    for (let at = 0; at < rows.length; at += batch) await apply(rows.slice(at, at + batch))
    return { operations: rows.length }
  })
  return { value: (rows.length * 1_000) / (performance.now() - began), cpuUsPerOp }
}

/** The worker's way in: the port of the store, with checkpoints that move. */
export class ProductApply {
  readonly #store: ProjectionStore
  #position: bigint | undefined

  constructor(store: ProjectionStore) {
    this.#store = store
  }

  get reader(): DocumentReader<OrderRow> {
    return this.#store.reader() as never
  }

  async apply(rows: readonly KeyedRow[]): Promise<void> {
    const to = (this.#position ?? 0n) + BigInt(rows.length)
    const changes = rows.map(({ key, document }): DocumentChange => ({
      key,
      document,
      position: to,
    }))
    const slots = { from: 0, to: 255 }
    await this.#store.apply({
      moves: [{ range: 0, slots, fence: 1n, from: this.#position, to }],
      changes,
      rows: [],
      park: [],
    })
    this.#position = to
  }
}
