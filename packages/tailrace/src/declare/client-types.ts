import type { App, CommandSet, QuerySet } from './app.ts'
import type { CommandDef, RejectionDef, RejectionSet } from './command.ts'
import type { QueryDef } from './query.ts'
import type { TransactionalCommandDef } from './transactional-command.ts'

/** The rejections of a command as a union that `switch (result.code)` exhausts. */
export type RejectionOf<Rej extends RejectionSet> = {
  [K in keyof Rej & string]: Rej[K] extends RejectionDef<infer D>
    ? { readonly ok: false; readonly code: K; readonly detail: D }
    : never
}[keyof Rej & string]

/** Rejections that every command may meet. */
export type GeneralRejection =
  | { readonly ok: false; readonly code: 'NOT_FOUND'; readonly detail: undefined }
  | { readonly ok: false; readonly code: 'AGGREGATE_EXISTS'; readonly detail: undefined }
  | {
      readonly ok: false
      readonly code: 'VERSION_CONFLICT'
      readonly detail: { readonly current: number }
    }

export interface Accepted {
  readonly ok: true
  readonly commandId: string
  readonly aggregateId: string
  readonly version: number
  readonly token: string
}

export type CommandResult<Rej extends RejectionSet> = Accepted | RejectionOf<Rej> | GeneralRejection

export interface Meta {
  readonly position: string
  readonly asOf: string
  readonly lagMs: number
  readonly stale: boolean
  readonly reads: Readonly<
    Record<
      string,
      { readonly position: string; readonly lagMs: number; readonly state: ProjectionState }
    >
  >
  /** Set when the answer may lack what a given token stands for. Stale without it: own writes are in, others are late. */
  readonly behindToken?: true
  /** Set when the answer touches parked keys: their names by projection. */
  readonly parked?: Readonly<Record<string, readonly string[]>>
  /** Set when a projection's SLO is broken: a text to show, "results may be delayed, as of …". */
  readonly notice?: string
}

export type ProjectionState =
  | 'not-started'
  | 'catching-up'
  | 'live'
  | 'rebuilding'
  | 'paused'
  | 'parked'
  | 'unowned'
  | 'failed'

export interface Answer<O> {
  readonly data: O
  readonly meta: Meta
}

type CommandsOf<C extends CommandSet, Options> = {
  readonly [K in keyof C]: C[K] extends CommandDef<string, infer I, infer Rej>
    ? (input: I, options?: Options) => Promise<CommandResult<Rej>>
    : C[K] extends TransactionalCommandDef<string, infer I, infer Rej>
      ? (input: I, options?: Options) => Promise<CommandResult<Rej>>
      : never
}

type QueriesOf<Q extends QuerySet, Options> = {
  readonly [K in keyof Q]: Q[K] extends QueryDef<string, infer I, infer O>
    ? (input: I, options?: Options) => Promise<Answer<O>>
    : never
}

/** The typed surface of an application, from `typeof app`. */
export type Surface<A, CommandOptions, QueryOptions> =
  A extends App<infer C, infer Q>
    ? {
        readonly commands: CommandsOf<C, CommandOptions>
        readonly queries: QueriesOf<Q, QueryOptions>
      }
    : never
