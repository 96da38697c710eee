import type { SlotRange } from '../ports/event-log.ts'
import type { Checkpoint } from '../ports/read-store.ts'

/** Slot ranges of a projection version by number. Empty: no worker has ever made them, or they are not known yet. */
export type Ranges = ReadonlyMap<number, SlotRange>

/** The position that every event of these slots up to it is visible at; undefined while a range has not started. */
export function visiblePosition(
  ranges: Ranges,
  checkpoints: ReadonlyMap<number, Checkpoint>,
  slots: readonly number[] = [],
): bigint | undefined {
  return lowest(ranges, checkpoints, slots, 'visible')
}

export function appliedPosition(
  ranges: Ranges,
  checkpoints: ReadonlyMap<number, Checkpoint>,
): bigint | undefined {
  return lowest(ranges, checkpoints, [], 'position')
}

function lowest(
  ranges: Ranges,
  checkpoints: ReadonlyMap<number, Checkpoint>,
  slots: readonly number[],
  field: 'position' | 'visible',
): bigint | undefined {
  const positions: bigint[] = []
  for (const [range, { from, to }] of ranges) {
    if (slots.length > 0 && !slots.some((slot) => slot >= from && slot <= to)) continue
    const checkpoint = checkpoints.get(range)
    if (checkpoint === undefined) return undefined
    positions.push(checkpoint[field])
  }
  return positions.length === 0 ? undefined : least(positions)
}

function least(positions: readonly bigint[]): bigint {
  return positions.reduce((low, position) => (position < low ? position : low))
}
