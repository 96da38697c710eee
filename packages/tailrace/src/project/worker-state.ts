import type { ProjectionState } from '../declare/client-types.ts'
import type { SlotRange } from '../ports/event-log.ts'
import type { Lease } from '../ports/leases.ts'
import type { CheckpointMove } from '../ports/read-store.ts'

/**
 * What one process knows and wants to do about one projection version. Pure: the shell feeds in what happened and asks for
 * the next step.
 *
 *   leases arrive ─→ unknown ─inspect─→ known ─read─→ pages ─apply─→ known …
 *                       ↑                                  │ any doubt (fence, lost answer, another history)
 *                       └──────────────────────────────────┘
 */
export interface WorkerState {
  readonly ranges: ReadonlyMap<number, OwnedRange>
  /** Whether the last read reached the head of the log. */
  readonly atHead: boolean
  readonly paused: boolean
  readonly rebuilding: boolean
  readonly parkedKeys: number
  /** Set when the version cannot go on without a person or another deployment. */
  readonly failure: WorkerFailure | undefined
}

export interface WorkerFailure {
  readonly code: string
  readonly message: string
}

export interface OwnedRange {
  readonly range: number
  readonly slots: SlotRange
  readonly fence: bigint
  /** On the monotonic clock: no write is started after it. */
  readonly expiresAt: number
  /** Undefined until the store was asked. */
  readonly known: KnownRange | undefined
}

export interface KnownRange {
  /** As stored; undefined: the range has never started, which is not position 0. */
  readonly checkpoint: bigint | undefined
  /** How far the log was scanned; ahead of the checkpoint where nothing concerned this projection. */
  readonly scanned: bigint
}

export type WorkerStep =
  | { readonly kind: 'rest' }
  | { readonly kind: 'inspect'; readonly ranges: readonly number[] }
  | {
      readonly kind: 'read'
      readonly after: bigint
      readonly ranges: readonly number[]
      readonly slots: readonly SlotRange[]
    }

/** Ranges whose positions are this close are read together; events that one of them has already are dropped. */
export const nearPositions = 10_000n

export const initialState: WorkerState = {
  ranges: new Map(),
  atHead: false,
  paused: false,
  rebuilding: false,
  parkedKeys: 0,
  failure: undefined,
}

/** What to do next. Ranges whose lease has run out are left alone. */
export function nextStep(state: WorkerState, now: number): WorkerStep {
  const mine = [...state.ranges.values()].filter((range) => range.expiresAt > now)
  if (state.paused || state.failure !== undefined || mine.length === 0) return { kind: 'rest' }
  const unknown = mine.filter((range) => range.known === undefined)
  if (unknown.length > 0) return { kind: 'inspect', ranges: unknown.map((range) => range.range) }
  const after = mine.reduce(
    (lowest, { known }) => (known!.scanned < lowest ? known!.scanned : lowest),
    mine[0]!.known!.scanned,
  )
  const group = mine
    .filter(({ known }) => known!.scanned - after <= nearPositions)
    .toSorted((a, b) => a.range - b.range)
  return {
    kind: 'read',
    after,
    ranges: group.map((range) => range.range),
    slots: merged(group.map((range) => range.slots)),
  }
}

function merged(slots: readonly SlotRange[]): SlotRange[] {
  const list: SlotRange[] = []
  for (const range of slots.toSorted((a, b) => a.from - b.from)) {
    const last = list.at(-1)
    if (last !== undefined && range.from <= last.to + 1)
      list[list.length - 1] = { from: last.from, to: Math.max(last.to, range.to) }
    else list.push(range)
  }
  return list
}

/** The leases now held. A new fence means that another may have worked in between: its checkpoint is asked for again. */
export function withLeases(
  state: WorkerState,
  leases: readonly Lease[],
  expiresAt: number,
  paused: boolean,
): WorkerState {
  const ranges = new Map(
    leases.map((lease): [number, OwnedRange] => {
      const before = state.ranges.get(lease.range)
      const known = before?.fence === lease.fence ? before.known : undefined
      return [
        lease.range,
        { range: lease.range, slots: lease.slots, fence: lease.fence, expiresAt, known },
      ]
    }),
  )
  return {
    ...state,
    ranges,
    paused,
    atHead: state.atHead && [...ranges.values()].every((range) => range.known !== undefined),
  }
}

/** What the store said about some ranges. One that was written under a higher fence is another worker's. */
export function withCheckpoints(
  state: WorkerState,
  asked: readonly number[],
  stored: ReadonlyMap<number, { readonly position: bigint; readonly fence: bigint }>,
): WorkerState {
  const ranges = new Map(state.ranges)
  for (const number of asked) {
    const range = ranges.get(number)
    if (range === undefined) continue
    const checkpoint = stored.get(number)
    if (checkpoint !== undefined && checkpoint.fence > range.fence) ranges.delete(number)
    else
      ranges.set(number, {
        ...range,
        known: { checkpoint: checkpoint?.position, scanned: checkpoint?.position ?? 0n },
      })
  }
  return { ...state, ranges, atHead: false }
}

/** Everything is doubtful: the store is asked before the next write. */
export function withDoubt(state: WorkerState): WorkerState {
  const ranges = new Map(
    [...state.ranges].map(([number, range]) => [number, { ...range, known: undefined }]),
  )
  return { ...state, ranges, atHead: false }
}

/** The moves that bring ranges to `through`, or to where they were scanned already, under the fences held now. */
export function movesTo(
  state: WorkerState,
  ranges: readonly number[],
  through: bigint,
): CheckpointMove[] {
  return ranges.flatMap((number) => {
    const range = state.ranges.get(number)
    if (range?.known === undefined) return []
    const { checkpoint, scanned } = range.known
    const to = scanned > through ? scanned : through
    if (checkpoint === to) return []
    return [{ range: number, slots: range.slots, fence: range.fence, from: checkpoint, to }]
  })
}

/** After a read up to `through`; `applied` when the moves to it were written too. */
export function withProgress(
  state: WorkerState,
  ranges: readonly number[],
  through: bigint,
  atHead: boolean,
  applied: boolean,
): WorkerState {
  const next = new Map(state.ranges)
  for (const number of ranges) {
    const range = next.get(number)
    if (range?.known === undefined) continue
    const scanned = range.known.scanned > through ? range.known.scanned : through
    next.set(number, {
      ...range,
      known: { checkpoint: applied ? scanned : range.known.checkpoint, scanned },
    })
  }
  return { ...state, ranges: next, atHead }
}

/** The state to show. What hinders comes before how far it is. */
export function shownState(state: WorkerState, now: number): ProjectionState {
  if (state.failure !== undefined) return 'failed'
  if (state.paused) return 'paused'
  if (state.rebuilding) return 'rebuilding'
  const mine = [...state.ranges.values()].filter((range) => range.expiresAt > now)
  if (mine.length === 0) return 'unowned'
  if (mine.every((range) => range.known === undefined || range.known.checkpoint === undefined))
    return 'not-started'
  if (state.parkedKeys > 0) return 'parked'
  return state.atHead ? 'live' : 'catching-up'
}

/** The lowest checkpoint of the ranges held; undefined while one has not started. */
export function lowestCheckpoint(state: WorkerState): bigint | undefined {
  const checkpoints = [...state.ranges.values()].map((range) => range.known?.checkpoint)
  if (checkpoints.length === 0 || checkpoints.includes(undefined)) return undefined
  return checkpoints.reduce((lowest, checkpoint) => (checkpoint! < lowest! ? checkpoint : lowest))
}
