import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LeaseStatus } from '../ports/leases.ts'
import { fairShare, seatName } from './fair-share.ts'

const projection = { name: 'orders', version: 1 }

/** Leases as a list, changed as the store would change them. */
class Table {
  readonly rows: LeaseStatus[]
  #fence = 0n

  constructor(ranges: number) {
    const row =
      (name: string) =>
      (_: unknown, range: number): LeaseStatus => ({
        projection: name,
        version: 1,
        range,
        slots: { from: 0, to: 0 },
        fence: 0n,
        owner: undefined,
        remainingMs: 0,
        paused: false,
      })
    this.rows = [
      ...Array.from({ length: ranges }, row('orders')),
      ...Array.from({ length: ranges }, row(seatName('orders'))),
    ]
  }

  /** One round of one worker: look, give back, take. */
  round(owner: string): void {
    const share = fairShare(this.rows, owner, projection)
    for (const lease of share.surplus) this.#set(lease.projection, lease.range, undefined)
    for (const { projection: name, max } of share.wanted) {
      const free = this.rows.filter((row) => row.projection === name && row.owner === undefined)
      for (const row of free.slice(0, max)) this.#set(name, row.range, owner)
    }
  }

  leave(owner: string): void {
    for (const row of this.rows)
      if (row.owner === owner) this.#set(row.projection, row.range, undefined)
  }

  held(owner: string): number {
    return this.rows.filter((row) => row.projection === 'orders' && row.owner === owner).length
  }

  #set(name: string, range: number, owner: string | undefined): void {
    const at = this.rows.findIndex((row) => row.projection === name && row.range === range)
    this.rows[at] = {
      ...this.rows[at]!,
      owner,
      remainingMs: owner === undefined ? 0 : 1_000,
      fence: ++this.#fence,
    }
  }
}

test('whoever comes and goes, a few rounds later every range is owned and nobody holds more than a fair part', () => {
  const workers = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 7,
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      workers,
      fc.array(fc.nat(20)),
      fc.nat(6),
      (ranges, names, order, leavers) => {
        const table = new Table(ranges)
        for (const pick of order) table.round(names[pick % names.length]!)
        const left = names.slice(0, Math.max(1, names.length - leavers))
        for (const name of names.slice(left.length)) table.leave(name)
        for (let round = 0; round < 4; round++) for (const name of left) table.round(name)
        const held = left.map((name) => table.held(name))
        expect(held.reduce((sum, one) => sum + one, 0)).toBe(ranges)
        const sharing = Math.min(left.length, ranges)
        expect(Math.max(...held)).toBe(Math.ceil(ranges / sharing))
        expect(held.filter((one) => one > 0).length).toBe(sharing)
      },
    ),
    { numRuns: 300 },
  )
})
