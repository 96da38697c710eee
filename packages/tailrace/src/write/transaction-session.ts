import type { AnyAggregate } from '../declare/aggregate.ts'
import type { App } from '../declare/app.ts'
import type { NewEvent } from '../declare/event.ts'
import type {
  EventToAppend,
  RowChange,
  TimerToWrite,
  WriteTransaction,
} from '../ports/write-store.ts'
import { presented, stateOf, type AggregateState } from './aggregate-state.ts'
import { canonicalId } from './canonical-id.ts'
import { schedulesOf } from './compiled-command.ts'
import { emitEvents, eventsOf, type EventOrigin } from './emit-events.ts'
import { netChanges } from './net-changes.ts'

/**
 * The aggregates that one run of a transactional command has in hand. Calls run one after another, also when the handler
 * does not await them, because each sees the rows as the earlier ones left them.
 */
export class TransactionSession {
  readonly events: EventToAppend[] = []
  readonly slots: number[] = []
  readonly #timers = new Map<string, TimerToWrite>()
  readonly #states = new Map<AnyAggregate, Map<string, AggregateState>>()
  readonly #app: App
  readonly #origin: EventOrigin
  readonly #command: string
  readonly #tx: WriteTransaction
  #tail: Promise<unknown> = Promise.resolve()
  #over = false
  #abandoned = false

  constructor(app: App, command: string, origin: EventOrigin, tx: WriteTransaction) {
    this.#app = app
    this.#command = command
    this.#origin = origin
    this.#tx = tx
  }

  get timers(): readonly TimerToWrite[] {
    return [...this.#timers.values()]
  }

  readonly query: WriteTransaction['query'] = (sql, parameters) =>
    this.#inTurn(() => this.#tx.query(sql, parameters))

  load(aggregate: AnyAggregate, id: string): Promise<unknown> {
    return this.#inTurn(async () =>
      presented(aggregate, (await this.#state(aggregate, canonicalId(aggregate, id))).rows),
    )
  }

  emit(aggregate: AnyAggregate, id: string, result: unknown): Promise<void> {
    return this.#inTurn(async () =>
      this.#write(
        aggregate,
        canonicalId(aggregate, id),
        eventsOf(this.#command, aggregate, result),
      ),
    )
  }

  /** Waits for what was not awaited, throws what failed in it, and refuses everything later. */
  async end(): Promise<void> {
    await this.#tail
    this.#over = true
  }

  /** Refuses what waits for its turn and everything later. Resolves when the step under way, if any, has ended. */
  async abandon(): Promise<void> {
    this.#over = true
    this.#abandoned = true
    await this.#tail.catch(() => undefined)
  }

  /** The version that the answer names: of the target's stream, else of the last one written. */
  version(target: string): number {
    // The target names no aggregate, so whether it is a uuid is not known: it may be typed in another case.
    const ofTarget = this.events.findLast(
      ({ stream }) => stream === target || stream === target.toLowerCase(),
    )
    return (ofTarget ?? this.events.at(-1))?.version ?? 0
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    if (this.#over) return Promise.reject(this.#late())
    const done = this.#tail.then(() => (this.#abandoned ? Promise.reject(this.#late()) : step()))
    this.#tail = done
    // A handler that does not await must not end the process: `end` throws it.
    done.catch(() => undefined)
    return done
  }

  #late(): TypeError {
    return new TypeError(
      `expected "${this.#command}" to use its transaction before it ends, got a call after it; do not keep tx`,
    )
  }

  async #state(aggregate: AnyAggregate, id: string): Promise<AggregateState> {
    let ofAggregate = this.#states.get(aggregate)
    if (ofAggregate === undefined) this.#states.set(aggregate, (ofAggregate = new Map()))
    let state = ofAggregate.get(id)
    if (state === undefined)
      ofAggregate.set(id, (state = stateOf(aggregate, await this.#tx.lock({ aggregate, id }))))
    return state
  }

  async #write(aggregate: AnyAggregate, id: string, events: readonly NewEvent[]): Promise<void> {
    const before = await this.#state(aggregate, id)
    const emitted = emitEvents(
      this.#origin,
      aggregate,
      id,
      before,
      events,
      schedulesOf(this.#app, aggregate.name),
      this.events.length + 1,
    )
    const rows: RowChange[] = []
    netChanges(aggregate, id, before.rows, emitted.state.rows, rows)
    const guards =
      before.rows === undefined || rows.length === 0
        ? []
        : [{ aggregate, id, expected: before.version }]
    if (rows.length > 0)
      await this.#tx.write({ rows, guards, events: [], commands: [], timers: [], issued: [] })
    this.#states.get(aggregate)!.set(id, emitted.state)
    this.events.push(...emitted.events)
    for (const slot of emitted.slots) if (!this.slots.includes(slot)) this.slots.push(slot)
    for (const timer of emitted.timers)
      this.#timers.set(`${timer.schedule}\n${timer.stream}`, timer)
  }
}
