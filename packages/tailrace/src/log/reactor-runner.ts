import type { ReactorDef } from '../declare/reactor.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog, RecordedEvent } from '../ports/event-log.ts'
import type { GivenUpStore } from '../ports/given-up.ts'
import type { Lease, LeaseStatus, LeaseStore, Trouble } from '../ports/leases.ts'
import type { ReactorLedger } from '../ports/timers.ts'
import type { Engine } from '../run/engine.ts'
import { TailraceError } from '../errors.ts'
import { eventId } from '../project/compiled-projection.ts'
import { ReactorHandler, type ReactorRetry } from './reactor-handler.ts'
import { reactorLease } from './reactor-lease.ts'
import {
  repeatEvents,
  runReactorRange,
  type HandleOptions,
  type ReactorRangeSettings,
} from './reactor-range.ts'
import { ReactorTrouble } from './reactor-trouble.ts'
import { slotRanges } from './slot.ts'

export interface ReactorRunnerOptions {
  readonly reactors: readonly ReactorDef[]
  readonly log: EventLog
  readonly leases: LeaseStore
  readonly ledger: ReactorLedger
  readonly givenUp: GivenUpStore
  readonly submit: Engine['command']
  readonly clock: Clock
  /** Unique among processes. Default: a new uuid. */
  readonly owner?: string
  /** Told of events that were given up, and of failures of the database. */
  readonly onProblem?: (error: unknown, reactor?: string, event?: RecordedEvent) => void
  readonly settings?: Partial<ReactorSettings>
}

export interface ReactorSettings extends ReactorRetry, ReactorRangeSettings {
  /** Default: 10,000 ms, renewed at a third of it. */
  readonly leaseTtlMs: number
  /** Slot ranges per reactor; never changes for a reactor. Default: 4. */
  readonly ranges: number
}

export interface ReactorRunner {
  /** Positions were given: look now. */
  wake(): void
  status(): {
    readonly ranges: number
    readonly done: number
    readonly failed: number
    readonly problems: number
    readonly lastError: string | undefined
  }
  /** Events that this process has handled, by reactor. */
  counts(): ReadonlyMap<string, ReactorCounts>
  /** Gives the leases up. Resolves when no handler is awaited any more. */
  stop(): Promise<void>
}

export interface ReactorCounts {
  readonly done: number
  /** Given up, at the first time or when they were repeated. */
  readonly failed: number
}

export const reactorDefaults: ReactorSettings = {
  attempts: 30,
  retryMinMs: 200,
  retryMaxMs: 30_000,
  timeoutMs: 30_000,
  pageSize: 200,
  streams: 16,
  pollMinMs: 5,
  pollMaxMs: 500,
  idleCheckpointMs: 1_000,
  leaseTtlMs: 10_000,
  ranges: 4,
}

/**
 * Makes the checkpoints of reactors that have never run, at the head of the log as it is now: what commits later is theirs.
 * May be repeated.
 */
export async function beginReactors({
  reactors,
  ledger,
  ranges = reactorDefaults.ranges,
}: {
  readonly reactors: readonly ReactorDef[]
  readonly ledger: ReactorLedger
  readonly ranges?: number
}): Promise<void> {
  for (const { name } of reactors)
    for (let range = 0; range < ranges; range++) await ledger.checkpoint(name, range)
}

/**
 * Runs reactors over the log: each event at least once, and by the ledger not again after success. They start at the head
 * of the log, read sequenced events only, and know nothing of read models: a rebuild cannot reach them.
 */
export function startReactors(options: ReactorRunnerOptions): ReactorRunner {
  return new Runner(options)
}

interface Range {
  readonly lease: Lease
  readonly stopping: AbortController
  readonly work: Omit<HandleOptions, 'repeats'>
  done: Promise<void>
  /** Events that were given up, while they are handled again. */
  repeating: Promise<void> | undefined
}

class Runner implements ReactorRunner {
  private readonly options: ReactorRunnerOptions
  private readonly settings: ReactorSettings
  private readonly owner: string
  private readonly clock: Clock
  private readonly handlers: ReadonlyMap<string, ReactorHandler>
  private readonly ranges = new Map<string, Range>()
  /** By range, as long as it is held. */
  private readonly troubles = new Map<string, ReactorTrouble>()
  private readonly pauses = new Map<Range, AbortController>()
  private readonly stopping = new AbortController()
  private readonly running: Promise<void>
  private looking: Promise<void> | undefined
  /** What the last claim has given: also, when this is to stop already, leases under which no work has begun. */
  private given: readonly Lease[] = []
  private readonly counted: Map<string, { done: number; failed: number }>
  private problems = 0
  private lastError: string | undefined

  constructor(options: ReactorRunnerOptions) {
    this.options = options
    this.settings = { ...reactorDefaults, ...options.settings }
    this.clock = options.clock
    this.owner = options.owner ?? options.clock.uuid()
    const make = (def: ReactorDef): ReactorHandler =>
      new ReactorHandler(def, options.submit, this.clock, this.settings)
    this.handlers = new Map(options.reactors.map((def) => [def.name, make(def)]))
    this.counted = new Map(options.reactors.map(({ name }) => [name, { done: 0, failed: 0 }]))
    this.running = options.reactors.length === 0 ? Promise.resolve() : this.run()
  }

  wake(): void {
    for (const pause of this.pauses.values()) pause.abort()
  }

  status(): ReturnType<ReactorRunner['status']> {
    const { problems, lastError } = this
    const sum = (of: 'done' | 'failed'): number =>
      [...this.counted.values()].reduce((total, counts) => total + counts[of], 0)
    return {
      ranges: this.ranges.size,
      done: sum('done'),
      failed: sum('failed'),
      problems,
      lastError,
    }
  }

  counts(): ReadonlyMap<string, ReactorCounts> {
    return this.counted
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async run(): Promise<void> {
    let ready = false
    let failures = 0
    while (!this.stopping.signal.aborted) {
      try {
        if (!ready) await this.ensureLeases()
        ready = await this.share()
        this.lookForRepeats()
        failures = 0
        await this.clock.sleep(this.settings.leaseTtlMs / 3, this.stopping.signal)
      } catch (error) {
        // Leases that could not be renewed are lost to whoever comes: work stops before they expire.
        this.problem(error)
        if (++failures > 1) await this.dropAll()
        await this.clock.sleep(
          Math.min(5_000, 100 * 2 ** Math.min(failures, 10)),
          this.stopping.signal,
        )
      }
    }
    await this.handBack()
  }

  private async ensureLeases(): Promise<void> {
    for (const name of this.handlers.keys())
      await this.options.leases.ensure(reactorLease(name), 1, slotRanges(this.settings.ranges))
  }

  /**
   * Renews, takes a fair part of what is free, starts what is new and stops what is gone. Whether all leases are there: a
   * restore may have taken them away.
   */
  private async share(): Promise<boolean> {
    const all = await this.options.leases.list()
    const projections = [...this.handlers.keys()].map((name) => {
      const projection = reactorLease(name)
      return {
        projection,
        version: 1,
        trouble: this.troubleOf(projection),
        max: fairPart(
          all.filter((lease) => lease.projection === projection),
          this.owner,
        ),
      }
    })
    const held = await this.options.leases.claim({
      owner: this.owner,
      ttlMs: this.settings.leaseTtlMs,
      projections,
    })
    this.given = held
    const keys = new Set(held.map(keyOf))
    for (const [key, range] of this.ranges) if (!keys.has(key)) range.stopping.abort()
    const places = new Set(held.map(placeOf))
    for (const place of this.troubles.keys()) if (!places.has(place)) this.troubles.delete(place)
    for (const lease of held)
      if (!this.ranges.has(keyOf(lease)) && !this.stopping.signal.aborted) this.start(lease)
    return projections.every(({ projection }) =>
      all.some((lease) => lease.projection === projection),
    )
  }

  /** Of the first range that has any. */
  private troubleOf(projection: string): Trouble | undefined {
    return [...this.troubles]
      .filter(([place]) => place.startsWith(`${projection}/`))
      .map(([, trouble]) => trouble.now)
      .find((now) => now !== undefined)
  }

  private start(lease: Lease): void {
    const trouble = this.troubles.get(placeOf(lease)) ?? new ReactorTrouble()
    this.troubles.set(placeOf(lease), trouble)
    trouble.began()
    const reactor = lease.projection.slice(reactorLease('').length)
    const { log, ledger } = this.options
    const stopping = new AbortController()
    const work = {
      reactor,
      lease,
      log,
      ledger,
      handler: this.handlers.get(reactor)!,
      clock: this.clock,
      settings: this.settings,
      signal: stopping.signal,
      onFailedAttempt: (event: RecordedEvent, attempt: number, error: string) =>
        trouble.failedAttempt(eventId(event), attempt, error),
      onHandled: (outcome: 'done' | 'failed', event: RecordedEvent, error?: string) => {
        trouble.settled(eventId(event))
        this.handled(reactor, outcome, event, error)
      },
    }
    const range: Range = { lease, stopping, work, done: Promise.resolve(), repeating: undefined }
    this.ranges.set(keyOf(lease), range)
    range.done = runReactorRange({
      ...work,
      pausing: (pause) => this.pauses.set(range, pause),
      onPage: () => trouble.wentOn(),
    })
      .catch((error: unknown) => {
        trouble.ended(error)
        this.problem(error, reactor)
      })
      .finally(async () => {
        this.pauses.delete(range)
        // Who works the range next repeats, too: never both at the same time.
        stopping.abort()
        await range.repeating
        this.ranges.delete(keyOf(lease))
      })
  }

  /** What was given up and is asked for again. Beside the rounds: no lease waits for the answer. */
  private lookForRepeats(): void {
    this.looking ??= this.repeatWhatIsDue()
      .catch((error: unknown) => this.problem(error))
      .finally(() => (this.looking = undefined))
  }

  private async repeatWhatIsDue(): Promise<void> {
    const idle = [...this.ranges.values()].filter((range) => range.repeating === undefined)
    if (idle.length === 0) return
    const asked = idle.map(({ work: { reactor, lease } }) => ({ reactor, slots: lease.slots }))
    const due = await this.options.givenUp.due(asked, this.settings.pageSize)
    for (const [i, range] of idle.entries()) {
      const { reactor, signal } = range.work
      if (due[i]!.length === 0 || signal.aborted) continue
      range.repeating = repeatEvents(due[i]!, range.work)
        .catch((error: unknown) => this.problem(error, reactor))
        .finally(() => (range.repeating = undefined))
    }
  }

  private handled(
    reactor: string,
    outcome: 'done' | 'failed',
    event: RecordedEvent,
    error: string | undefined,
  ): void {
    this.counted.get(reactor)![outcome]++
    if (outcome === 'done') return
    this.problem(gaveUp(reactor, event, error ?? 'nothing', this.settings.attempts), reactor, event)
  }

  private async dropAll(): Promise<void> {
    const ranges = [...this.ranges.values()]
    for (const range of ranges) range.stopping.abort()
    await Promise.all(ranges.map((range) => range.done))
  }

  private async handBack(): Promise<void> {
    await this.dropAll()
    await this.looking
    await this.options.leases
      .release(this.owner, this.given)
      .catch((error: unknown) => this.problem(error))
  }

  private problem(error: unknown, reactor?: string, event?: RecordedEvent): void {
    this.problems++
    this.lastError = error instanceof Error ? error.message : String(error)
    this.options.onProblem?.(error, reactor, event)
  }
}

function gaveUp(
  reactor: string,
  event: RecordedEvent,
  error: string,
  attempts: number,
): TailraceError {
  return new TailraceError(
    'REACTOR_GAVE_UP',
    `expected reactor "${reactor}" to handle ${event.type} ${eventId(event)} of "${event.stream}", got ${attempts} failures, the last: ${error}; it is recorded as failed, later events go on; repeatGivenUp() has it handled again`,
  )
}

/** How many more to take: the ranges divided by the owners that are alive, this one included. */
function fairPart(leases: readonly LeaseStatus[], owner: string): number {
  const alive = leases.filter((lease) => lease.owner !== undefined && lease.remainingMs > 0)
  const owners = new Set([...alive.map((lease) => lease.owner), owner])
  const mine = alive.filter((lease) => lease.owner === owner).length
  return Math.max(0, Math.ceil(leases.length / owners.size) - mine)
}

/** Of a range, whoever holds it. */
function placeOf(lease: Lease): string {
  return `${lease.projection}/${lease.range}`
}

function keyOf(lease: Lease): string {
  return `${lease.projection}/${lease.range}/${lease.fence}`
}
