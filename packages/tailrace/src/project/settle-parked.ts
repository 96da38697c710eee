import type { Envelope } from '../declare/envelope.ts'
import { TailraceError, isTailraceError } from '../errors.ts'
import type { EventLog, RecordedEvent } from '../ports/event-log.ts'
import type {
  ParkFailure,
  ParkResolution,
  ProjectionStore,
  StoredDocument,
} from '../ports/read-store.ts'
import {
  compileProjection,
  type CompiledProjection,
  type SqlHandler,
} from './compiled-projection.ts'
import { failureOf, foldBatch, type FoldedBatch } from './fold-batch.ts'
import { planBatch, type BatchPlan } from './plan-batch.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'

export interface SettleOptions {
  readonly projection: AnyProjectionDef
  readonly store: ProjectionStore
  readonly log: EventLog
  /** The parked key. */
  readonly key: string
}

export interface Settled {
  /** Events that were handled now. */
  readonly handled: number
  /** Events that were left out. */
  readonly skipped: number
  /** Events that stay parked, with why. */
  readonly remaining: number
  readonly failure: ParkFailure | undefined
}

type Edit = (data: unknown, event: RecordedEvent) => unknown

/** Handles the events of a parked key again, in order, up to the first that fails. What is handled is settled atomically. */
export function retryParked(options: SettleOptions): Promise<Settled> {
  return settle(options, undefined, 0)
}

/**
 * As `retryParked`, with other data for the first event (in its recorded schema version). The log keeps what happened:
 * a rebuild sees the recorded data again.
 */
export function editAndRetryParked(options: SettleOptions, edit: Edit): Promise<Settled> {
  return settle(options, edit, 0)
}

/** Leaves the first event of a parked key out, for ever in this version, and handles the ones behind it. */
export function skipParked(options: SettleOptions): Promise<Settled> {
  return settle(options, undefined, 1)
}

const racesMax = 5
/** Events settled in one step. */
const stepMax = 500

async function settle(
  options: SettleOptions,
  edit: Edit | undefined,
  skip: number,
): Promise<Settled> {
  const compiled = compileProjection(options.projection)
  let total: Settled = { handled: 0, skipped: 0, remaining: 0, failure: undefined }
  for (let races = 0; ;) {
    const seen = await options.store.parkedPositions(options.key)
    if (seen.length === 0) return { ...total, remaining: 0, failure: undefined }
    try {
      const first = total.handled + total.skipped === 0
      const step = await settleStep(
        options,
        compiled,
        seen,
        first ? edit : undefined,
        first ? skip : 0,
      )
      total = {
        handled: total.handled + step.handled,
        skipped: total.skipped + step.skipped,
        remaining: step.remaining,
        failure: step.failure,
      }
      if (step.failure !== undefined || step.remaining === 0) return total
    } catch (error) {
      // A worker put another event behind: look again.
      if (!isTailraceError(error) || error.code !== 'PARKED_KEY_CHANGED' || ++races > racesMax)
        throw error
    }
  }
}

async function settleStep(
  options: SettleOptions,
  compiled: CompiledProjection,
  seen: readonly bigint[],
  edit: Edit | undefined,
  skip: number,
): Promise<Settled> {
  const { store, key } = options
  if (skip > 0) {
    await store.resolveParked({
      key,
      seen,
      changes: [],
      rows: [],
      remaining: seen.slice(skip),
      failure: undefined,
    })
    return { handled: 0, skipped: skip, remaining: seen.length - skip, failure: undefined }
  }
  const events = edited(
    await eventsAt(options, seen.slice(0, compiled.projection.shape === 'sql' ? 1 : stepMax)),
    edit,
  )
  const plan = await planOf(options, compiled, events)
  const attempts = (await store.parked([key]))[0]?.failure.attempts ?? 0
  return compiled.projection.shape === 'sql'
    ? settleSql(options, compiled, seen, plan, attempts)
    : settleFold(options, compiled, seen, plan, attempts)
}

async function eventsAt(
  { log, key }: SettleOptions,
  positions: readonly bigint[],
): Promise<RecordedEvent[]> {
  const events = await log.readAt(positions)
  if (events.length === positions.length) return events
  throw new TailraceError(
    'PROJECTION_DIVERGED',
    `expected the log to hold ${positions.length} parked events of key "${key}", got ${events.length}; skip what is lost, or rebuild the projection`,
  )
}

function edited(
  events: readonly RecordedEvent[],
  edit: Edit | undefined,
): readonly RecordedEvent[] {
  const [first, ...rest] = events
  return first === undefined || edit === undefined
    ? events
    : [{ ...first, data: edit(first.data, first) }, ...rest]
}

/** The events with the keys to handle now: only the parked one, or all where a stream is parked. */
async function planOf(
  options: SettleOptions,
  compiled: CompiledProjection,
  events: readonly RecordedEvent[],
): Promise<BatchPlan> {
  const plan = planBatch(compiled, events, undefined)
  if (!plan.events.some((event) => event.streamKey === options.key)) {
    return {
      keys: [options.key],
      events: plan.events.map((event) =>
        event.failure === undefined ? { ...event, keys: [options.key] } : event,
      ),
    }
  }
  if (options.projection.scope === 'log') {
    throw new TailraceError(
      'CONFIG',
      `expected a parked document, got the parked stream "${options.key}" of projection "${options.projection.name}", whose documents other streams write too; skip the event or rebuild the projection`,
    )
  }
  const parked = await options.store.parked(plan.keys, plan.keys.length)
  if (parked.length > 0) {
    throw new TailraceError(
      'CONFIG',
      `expected the documents of "${options.key}" not to be parked themselves, got "${parked[0]!.key}" parked; settle that key first`,
    )
  }
  return plan
}

async function settleFold(
  options: SettleOptions,
  compiled: CompiledProjection,
  seen: readonly bigint[],
  plan: BatchPlan,
  attempts: number,
): Promise<Settled> {
  const { store, key } = options
  const documents =
    compiled.projection.shape === 'fold'
      ? await store.load(plan.keys)
      : new Map<string, StoredDocument>()
  const { folded, failed } = foldUntilFailure(compiled, plan, documents)
  const handled =
    failed === undefined
      ? plan.events.length
      : plan.events.findIndex((event) => event.position === failed.position)
  const failure =
    failed === undefined
      ? undefined
      : { ...failed.failure, attempts: attempts + failed.failure.attempts }
  const resolution: ParkResolution = {
    key,
    seen,
    changes: folded.changes,
    rows: folded.rows,
    remaining: seen.slice(handled),
    failure,
  }
  await store.resolveParked(resolution)
  return { handled, skipped: 0, remaining: seen.length - handled, failure }
}

interface Failed {
  readonly position: bigint
  readonly failure: ParkFailure
}

/** All events before the first failing one: with several documents, an event counts only when all of them took it. */
function foldUntilFailure(
  compiled: CompiledProjection,
  plan: BatchPlan,
  documents: ReadonlyMap<string, StoredDocument>,
): { readonly folded: FoldedBatch; readonly failed: Failed | undefined } {
  // An attempt whose settling failed may have written documents already, where the store writes them first.
  const fold = (events: BatchPlan['events']): FoldedBatch =>
    foldBatch({
      compiled,
      plan: { ...plan, events },
      documents,
      parked: new Set(),
      skipApplied: true,
    })
  const folded = fold(plan.events)
  const failures = folded.park.flatMap(({ positions, failure }) =>
    failure === undefined ? [] : [{ position: positions[0]!, failure }],
  )
  const failed = failures.toSorted((a, b) => (a.position < b.position ? -1 : 1))[0]
  if (failed === undefined) return { folded, failed }
  return { folded: fold(plan.events.filter((event) => event.position < failed.position)), failed }
}

/** One event per transaction: it and its settling happen together or not at all. */
async function settleSql(
  options: SettleOptions,
  compiled: CompiledProjection,
  seen: readonly bigint[],
  plan: BatchPlan,
  attempts: number,
): Promise<Settled> {
  const { store, key } = options
  const event = plan.events[0]!
  const remaining = seen.slice(1)
  const handler = compiled.handler<SqlHandler>(event.type)
  const run = (envelope: Envelope | undefined): Promise<readonly { readonly error: unknown }[]> => {
    if (envelope === undefined) return Promise.resolve([{ error: event.failure }])
    return store.applySql({
      moves: [],
      groups: [{ key, positions: [event.position], run: (tx) => handler(envelope, tx) }],
      park: [],
      parkOf: (_, error) => ({
        key,
        positions: seen,
        failure: failureOf(event, error, attempts + 1),
      }),
      resolve: [{ key, seen, remaining, failure: undefined }],
    })
  }
  const [failed] = await run(event.envelope)
  if (failed === undefined)
    return { handled: 1, skipped: 0, remaining: remaining.length, failure: undefined }
  const failure = failureOf(event, failed.error, attempts + 1)
  await store.resolveParked({ key, seen, changes: [], rows: [], remaining: seen, failure })
  return { handled: 0, skipped: 0, remaining: seen.length, failure }
}
