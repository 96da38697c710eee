import type { Actor } from '../declare/actor.ts'
import type { App } from '../declare/app.ts'
import type { Meta, ProjectionState } from '../declare/client-types.ts'
import type { Issue } from '../declare/standard-schema.ts'
import type { BusSourceStatus } from '../bus/bus-tail.ts'
import type { OldTransaction } from '../ports/event-log.ts'
import type { FailedTimer } from '../ports/timers.ts'
import type { ExpectedVersion } from '../write/expected-version.ts'

/** What surfaces (HTTP, tests, tools) talk to: commands in, answers out, status. Names are those of the app. */
export interface Engine {
  readonly app: App
  /**
   * Runs a command. Input is validated here. Business rejections and refusals are values. Throws `TailraceError` only
   * when something of ours is broken or overloaded (`COMMAND_OUTCOME_UNKNOWN`, `COMMAND_TOO_BUSY`, `CONTENTION`, `UNAVAILABLE`).
   */
  command(name: string, input: unknown, options?: CommandOptions): Promise<CommandOutcome>
  /** The stored state of a command; undefined when nothing is known of the id. */
  commandStatus(commandId: string): Promise<CommandStatus | undefined>
  /** Runs a query. Never touches the write database. */
  query(name: string, input: unknown, options?: QueryOptions): Promise<QueryOutcome>
  /**
   * Lag and state of every projection, from the last look at the database, and reactors and timers, which are looked at now;
   * bounded, and what does not answer is told as it was. `asSeen`: as last seen, without asking the write database.
   */
  status(options?: { readonly asSeen?: boolean }): Promise<EngineStatus>
  /** The metrics of this process in the Prometheus text format; reactors and timers as the last `status()` saw them. */
  metrics(): string
  /** Calls back when the visible position of a projection has moved. Returns the unsubscriber. */
  onAdvance(listener: (projection: string, position: bigint) => void): () => void
  /**
   * Throws `UNAVAILABLE`, within a second, when a server that this process needs does not answer. The message names the
   * server and may be shown to anybody. Each server is asked one such question at a time.
   */
  ready(): Promise<void>
  /** Pauses or resumes a projection for every worker. */
  setPaused(projection: string, paused: boolean): Promise<void>
  /**
   * Has a reactor handle again what it gave up: these events, or all of it. Noted in the write database, and done by
   * whatever process has the role `worker`, within seconds; may be called twice. Returns how many were noted now. Throws
   * `REACTOR_UNKNOWN`.
   */
  repeatGivenUp(reactor: string, eventIds?: readonly string[]): Promise<number>
  /** Lets events that a reactor gave up be, for ever. Returns how many. Throws `REACTOR_UNKNOWN`. */
  skipGivenUp(reactor: string, eventIds: readonly string[]): Promise<number>
}

export interface CommandOptions {
  /** Absent: no identity. The engine's own roles pass `systemActor`. */
  readonly actor?: Actor | undefined
  /** 1–255 visible ASCII characters, scoped to the actor. Same key and input again: the stored answer. */
  readonly idempotencyKey?: string | undefined
  /** `If-Match`: the version that the caller saw, one of several, or `any` that there is. */
  readonly expectedVersion?: ExpectedVersion | undefined
  readonly causationId?: string | undefined
  readonly traceparent?: string | undefined
  /** How long to wait for another run of the same key. Default: 5,000. */
  readonly waitMs?: number | undefined
}

export type CommandOutcome =
  | {
      readonly kind: 'committed'
      readonly commandId: string
      readonly aggregateId: string
      readonly version: number
      readonly token: string
      /** Answered from the record of its key: of an earlier call, or of this one when its commit was lost and found again. */
      readonly replayed: boolean
    }
  /** A declared business rejection, or AGGREGATE_EXISTS. */
  | {
      readonly kind: 'rejected'
      readonly commandId: string
      readonly code: string
      readonly rejection: 'rule' | 'conflict'
      readonly detail: unknown
      readonly replayed: boolean
    }
  /** Refused before or beside the rules; nothing was recorded unless said. */
  | {
      readonly kind: 'refused'
      readonly code: RefusalCode
      readonly message: string
      readonly commandId?: string
      readonly current?: number
      readonly issues?: readonly Issue[]
    }

export type RefusalCode =
  | 'COMMAND_UNKNOWN'
  | 'INPUT_INVALID'
  | 'NOT_AUTHENTICATED'
  | 'NOT_ALLOWED'
  | 'NOT_FOUND'
  | 'VERSION_CONFLICT'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'COMMAND_IN_PROGRESS'
  | 'COMMAND_FAILED'
  /** The timer that issued the command was cancelled or set anew meanwhile. Only the timer role hears it. */
  | 'TIMER_GONE'

export interface CommandStatus {
  readonly commandId: string
  readonly name: string
  readonly state: 'accepted' | 'committed' | 'rejected' | 'failed'
  readonly aggregateId?: string
  /** Decimal; absent while not sequenced. */
  readonly position?: string
  readonly version?: number
  readonly rejection?: { readonly code: string; readonly detail: unknown }
  readonly projections: Readonly<
    Record<string, 'applied' | 'pending' | 'parked' | 'rebuilding' | 'not-relevant'>
  >
}

export interface QueryOptions {
  readonly actor?: Actor | undefined
  /** A token, or several: the answer must not be older than any of them. */
  readonly tokens?: readonly string[] | undefined
  /** Overrides the query's wait; capped at 5,000. */
  readonly waitMs?: number | undefined
  readonly consistency?: 'strict' | 'eventual' | undefined
  readonly signal?: AbortSignal | undefined
}

export type QueryOutcome =
  | {
      readonly kind: 'answer'
      readonly data: unknown
      readonly meta: Meta
      /**
       * What the caller has seen, for monotonic reads. Unless the answer is stale it stands for the tokens that were given,
       * too: nobody has to carry those any further.
       */
      readonly token: string
      readonly waitedMs: number
    }
  | {
      readonly kind: 'refused'
      readonly code: QueryRefusalCode
      readonly message: string
      readonly issues?: readonly Issue[]
      readonly retryAfterMs?: number
    }

export type QueryRefusalCode =
  | 'QUERY_UNKNOWN'
  | 'INPUT_INVALID'
  | 'NOT_AUTHENTICATED'
  | 'NOT_ALLOWED'
  | 'INVALID_TOKEN'
  | 'TOKEN_OF_ANOTHER_HISTORY'
  | 'NOT_CAUGHT_UP'
  | 'TOO_MANY_WAITERS'
  | 'CURSOR_INVALID'

export interface EngineStatus {
  readonly head: {
    readonly position: string
    /** When the log was last looked at, by the database: what was committed later is not in here. Up to a second old while nobody asks. */
    readonly at: string
    /** Events that were committed and have no position yet. */
    readonly unsequenced: number
    /** `failed`: it is there, and gives no positions; `sequencerError` says why. */
    readonly sequencer: 'active' | 'failed' | 'missing' | 'unknown'
    readonly sequencerError?: string
    /** Open for so long that somebody should see to it. */
    readonly oldestTransaction?: OldTransaction
  }
  readonly projections: Readonly<Record<string, ProjectionStatus>>
  readonly reactors: Readonly<Record<string, ReactorStatus>>
  /** Absent where nothing is scheduled. */
  readonly timers?: TimersStatus
  /** Absent where there is no bus but the log itself. */
  readonly bus?: BusStatus
}

export interface ReactorStatus {
  /** As of a projection: `catching-up` from 5 s of lag on, `failed` when a process that has a part of it cannot go on. */
  readonly state: ProjectionState
  /** Up to here all events are handled or given up. Decimal. */
  readonly position: string
  /** Age of the oldest event behind the position, and how many there are; also such as do not concern the reactor. */
  readonly lagMs: number
  readonly lagEvents: number
  /** Events that were given up and that nobody has asked for again, and those that are to be repeated. Up to 1,000. */
  readonly givenUp: number
  readonly repeating: number
  /** The latest ten of both. */
  readonly recent: readonly GivenUpEffect[]
  readonly owners: readonly string[]
  /** Why it does not go on, or which events are being tried again. */
  readonly lastError?: string
}

export interface GivenUpEffect {
  readonly eventId: string
  /** These three are absent when the log has dropped the event. */
  readonly position?: string
  readonly type?: string
  readonly stream?: string
  readonly error: string
  readonly at: string
  readonly repeating: boolean
}

export interface TimersStatus {
  /** Timers whose time has come; a minute after it they are overdue. Up to 1,000. */
  readonly due: number
  readonly overdue: number
  /** Those of them whose command has failed and is sent again. */
  readonly failed: number
  /** Since the time of the oldest one that is due; 0 when none is. */
  readonly oldestDueMs: number
  /** The oldest ten that failed. */
  readonly recent: readonly FailedTimer[]
}

export interface BusStatus {
  readonly name: string
  /** Of whichever process has the place of the one relay. */
  readonly publisher: {
    readonly state: 'active' | 'failed' | 'unowned'
    readonly owner?: string
    readonly lastError?: string
  }
  /** Of the relay of this process; absent where it has not that role. */
  readonly relay?: {
    readonly state: 'standby' | 'active' | 'waiting' | 'stopped'
    /** Everything up to here is on the bus. Decimal. */
    readonly position: string
    /** Events of the log that are not on the bus yet; 0 unless this relay is the active one. */
    readonly backlog: number
    readonly lagMs: number
    readonly published: number
    readonly failures: number
    readonly lastError?: string
  }
  /** The bus as the source of the workers of this process. */
  readonly source?: BusSourceStatus
}

export interface ProjectionStatus {
  readonly version: number
  readonly store: string
  readonly state: ProjectionState
  readonly position: string
  readonly lagMs: number
  readonly lagEvents: number
  /** The lag's three parts, milliseconds: commit→sequenced, sequenced→applied, applied→visible. */
  readonly lagParts: {
    readonly sequenced: number
    readonly applied: number
    readonly visible: number
  }
  readonly sloMs: number
  readonly sloBroken: boolean
  readonly parkedKeys: number
  readonly owners: readonly string[]
  readonly lastError?: string
}
