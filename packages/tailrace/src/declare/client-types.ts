import type { App, CommandSet, QuerySet } from './app.ts'
import type { CommandDef, RejectionDef, RejectionSet } from './command.ts'
import type { ProjectionDef } from './projection.ts'
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

/** The answer of a command that was committed. */
export interface Accepted {
  readonly ok: true
  readonly commandId: string
  readonly aggregateId: string
  /** Of the aggregate, after the command. */
  readonly version: number
  /** Stands for the write: a query that is given it answers with what the command did. Clients carry it by themselves. */
  readonly token: string
}

/** What a command answers: committed, or rejected with one of its codes. `switch (result.code)` exhausts it. */
export type CommandResult<Rej extends RejectionSet> = Accepted | RejectionOf<Rej> | GeneralRejection

/** How fresh an answer is. */
export interface Meta {
  /** Place in the log that the answer shows; of several read models, the one furthest behind. Digits: 64 bits. */
  readonly position: string
  /** Everything that was recorded until then is in the answer. RFC 3339 UTC. */
  readonly asOf: string
  readonly lagMs: number
  /** The lag is above what a projection promises, a token was not reached, or the log did not answer. */
  readonly stale: boolean
  /** The same by projection. */
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

/** What a projection is doing; the operations page has what to do in each. */
export type ProjectionState =
  | 'not-started'
  | 'catching-up'
  | 'live'
  | 'rebuilding'
  | 'paused'
  | 'parked'
  | 'unowned'
  | 'failed'

/** What a query answers. */
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

/** The input of a command or a query, as callers give it: `InputOf<typeof placeOrder>`. */
export type InputOf<D> =
  D extends CommandDef<string, infer I, infer _Rej>
    ? I
    : D extends TransactionalCommandDef<string, infer I, infer _Rej>
      ? I
      : D extends QueryDef<string, infer I, infer _O>
        ? I
        : never

/** The data of a query's answers: `OutputOf<typeof orderStatus>`. */
export type OutputOf<D> = D extends QueryDef<string, infer _I, infer O> ? O : never

/** The documents, or rows, of a projection: `DocumentOf<typeof OrderStatus>`. */
export type DocumentOf<P> =
  P extends ProjectionDef<string, 'fold' | 'rows', infer Doc> ? Doc : never

/** The typed surface of an application, from `typeof app`. */
export type Surface<A, CommandOptions, QueryOptions> =
  A extends App<infer C, infer Q>
    ? {
        readonly commands: CommandsOf<C, CommandOptions>
        readonly queries: QueriesOf<Q, QueryOptions>
      }
    : never
