import type { Envelope } from '../declare/envelope.ts'
import { isStrayPromise } from '../declare/stray-promise.ts'
import type { DocumentChange, ParkEntry, ParkFailure, StoredDocument } from '../ports/read-store.ts'
import type { CompiledProjection, FoldHandler, RowsHandler } from './compiled-projection.ts'
import type { BatchPlan, PlannedEvent } from './plan-batch.ts'

/** What a batch comes to: the net change of each document, rows to append, and what is parked. */
export interface FoldedBatch {
  readonly changes: readonly DocumentChange[]
  readonly rows: readonly {
    readonly position: bigint
    readonly ordinal: number
    readonly row: unknown
  }[]
  readonly park: readonly ParkEntry[]
}

export interface FoldOptions {
  readonly compiled: CompiledProjection
  readonly plan: BatchPlan
  /** Documents as stored before the batch, by key. */
  readonly documents: ReadonlyMap<string, StoredDocument>
  /** Keys parked before the batch: their events wait behind. */
  readonly parked: ReadonlySet<string>
  /** Keys whose documents the store refused, with why: their events of this batch are parked. */
  readonly condemned?: ReadonlyMap<string, unknown>
  /**
   * Leaves out events that a loaded document has already: where data is written before its checkpoint, a document may be
   * ahead of it. Default: false.
   */
  readonly skipApplied?: boolean
}

/** Runs of a handler that throws before its key is parked. */
const attemptsMax = 3

/** Folds a planned batch in order. Pure. A handler that throws parks its key; other keys go on. */
export function foldBatch(options: FoldOptions): FoldedBatch {
  const state: FoldState = { parking: new Map(), documents: new Map(), rows: [] }
  for (const event of options.plan.events) {
    const nothingParked = options.parked.size === 0 && state.parking.size === 0
    const waits = (key: string): boolean =>
      !nothingParked && (options.parked.has(key) || state.parking.has(key))
    if (waits(event.streamKey)) park(state, event.streamKey, event, undefined)
    else if (event.failure !== undefined)
      park(state, event.streamKey, event, failureOf(event, event.failure, 1))
    else for (const key of event.keys) foldKey(options, state, event, key, waits(key))
  }
  const changes = [...state.documents].map(([key, { document, position }]): DocumentChange => ({
    key,
    document,
    position,
  }))
  return { changes, rows: state.rows, park: [...state.parking.values()] }
}

interface FoldState {
  readonly parking: Map<
    string,
    {
      readonly key: string
      readonly positions: bigint[]
      readonly failure: ParkFailure | undefined
    }
  >
  readonly documents: Map<string, { document: unknown; position: bigint }>
  readonly rows: { readonly position: bigint; readonly ordinal: number; readonly row: unknown }[]
}

function foldKey(
  options: FoldOptions,
  state: FoldState,
  event: PlannedEvent,
  key: string,
  diverted: boolean,
): void {
  if (diverted) return park(state, key, event, undefined)
  if (options.condemned?.has(key) === true)
    return park(state, key, event, failureOf(event, options.condemned.get(key), 1))
  if (options.skipApplied === true && isApplied(options.documents.get(key), event)) return
  const { shape } = options.compiled.projection
  const outcome = attempt(() =>
    shape === 'rows'
      ? runRows(options, state, event)
      : runFold(options, state, event.envelope!, key),
  )
  if (outcome !== undefined) park(state, key, event, failureOf(event, outcome.error, attemptsMax))
}

function isApplied(stored: StoredDocument | undefined, event: PlannedEvent): boolean {
  return stored !== undefined && event.position <= stored.position
}

function attempt(run: () => void): { readonly error: unknown } | undefined {
  for (let left = attemptsMax; ; left--) {
    try {
      run()
      return undefined
    } catch (error) {
      if (left === 1) return { error }
    }
  }
}

function runFold(options: FoldOptions, state: FoldState, event: Envelope, key: string): void {
  const own = state.documents.get(key)
  const before = (own ?? options.documents.get(key))?.document ?? undefined
  // A handler that changes its input would change what others see, even when it throws afterwards.
  const after = options.compiled.handler<FoldHandler>(event.type)(event, Object.freeze(before), key)
  if (isStrayPromise(after))
    throw new TypeError(
      `expected the handler of "${event.type}" to return a document, got a promise; folds are synchronous`,
    )
  if (after === undefined) return
  // Nothing there and nothing wanted: no change, unless an earlier event of the batch made it.
  if (after === null && before === undefined && own === undefined) return
  state.documents.set(key, { document: after, position: event.position })
}

function runRows(options: FoldOptions, state: FoldState, event: PlannedEvent): void {
  const rows = options.compiled.handler<RowsHandler>(event.type)(event.envelope!)
  if (isStrayPromise(rows))
    throw new TypeError(
      `expected the handler of "${event.type}" to return rows, got a promise; it is synchronous`,
    )
  rows.forEach((row, ordinal) => state.rows.push({ position: event.position, ordinal, row }))
}

function park(
  state: FoldState,
  key: string,
  event: PlannedEvent,
  failure: ParkFailure | undefined,
): void {
  const entry = state.parking.get(key)
  if (entry === undefined) state.parking.set(key, { key, positions: [event.position], failure })
  else entry.positions.push(event.position)
}

/** Why an event is parked, for people. */
export function failureOf(
  event: Pick<PlannedEvent, 'eventId' | 'type'>,
  error: unknown,
  attempts: number,
): ParkFailure {
  return { eventId: event.eventId, type: event.type, error: errorText(error), attempts }
}

export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
