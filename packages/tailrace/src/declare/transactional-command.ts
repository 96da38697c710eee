import { checkPolicy, type Policy } from './actor.ts'
import type { Aggregate } from './aggregate.ts'
import type { CallExample } from './call-example.ts'
import { checkOptions, checkSchema, type OptionsOf } from './check-declaration.ts'
import {
  checkRejections,
  type CommandCall,
  type CommandContext,
  type Rejected,
  type Rejecters,
  type RejectionSet,
} from './command.ts'
import type { AnyEventDef, NewEventOf } from './event.ts'
import type { RowsOf, TableSet } from './rows.ts'
import type { AnySchema, In, Out } from './standard-schema.ts'

/** The transaction in hand: SQL on the write database. It ends with the command; never keep it. */
export interface SqlTransaction {
  query<Row = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }>
}

export interface TransactionArgs<
  S extends AnySchema,
  Rej extends RejectionSet,
> extends CommandContext {
  readonly input: Out<S>
  /** Makes the rejections of the command, one function each. One that is made has to be returned. */
  readonly reject: Rejecters<Rej>
  readonly tx: SqlTransaction
  /** Loads an aggregate's rows and locks its root until the transaction ends; undefined when there is none. */
  load<R extends TableSet, E extends readonly AnyEventDef[]>(
    aggregate: Aggregate<string, string, R, E>,
    id: string,
  ): Promise<RowsOf<R> | undefined>
  /** Writes the events' row operations and appends the events. May be called for several aggregates. */
  emit<R extends TableSet, E extends readonly AnyEventDef[]>(
    aggregate: Aggregate<string, string, R, E>,
    id: string,
    events: NewEventOf<E> | readonly NewEventOf<E>[],
  ): Promise<void>
}

export interface TransactionalCommandSpec<S extends AnySchema, Rej extends RejectionSet> {
  readonly input: S
  /** The id that the answer and the idempotency record name. */
  readonly target: (input: Out<S>) => string
  readonly may: Policy<{ readonly input: Out<S> }>
  readonly rejections?: Rej
  /**
   * Runs inside one transaction of its own. Must emit at least one event or return a rejection (which rolls back).
   * May run again from the start after a serialization failure or deadlock: no effect outside `tx`. When it does not end
   * within the executor's `transactionMs`, it is rolled back and has failed.
   */
  readonly run: (args: TransactionArgs<S, Rej>) => Promise<Rejected | void>
  /** Calls that work, for the generated documentation: they run in the order of the registry against a fresh start. */
  readonly examples?: readonly CallExample<In<S>>[]
}

const options: OptionsOf<TransactionalCommandSpec<AnySchema, RejectionSet>> = {
  input: 'required',
  target: 'required',
  may: 'required',
  rejections: 'optional',
  run: 'required',
  examples: 'optional',
}

export interface TransactionalCommandDef<
  C extends string = string,
  I = unknown,
  Rej extends RejectionSet = RejectionSet,
> {
  readonly kind: 'transactional-command'
  readonly name: C
  readonly input: AnySchema
  readonly target: (input: never) => string
  readonly may: Policy<{ readonly input: unknown }>
  readonly rejections: Rej
  readonly run: (args: never) => Promise<Rejected | void>
  /** Makes a call of this command, for schedules and reactors. */
  call(input: I): CommandCall<C, I, Rej>
  readonly examples: readonly CallExample<I>[]
  readonly of?: I
}

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyTransactionalCommandDef = TransactionalCommandDef<any, any, any>

/** Declares a command with the transaction in hand, for rules that need SQL sets or several aggregates. Slower than a plain command. */
export function transactionalCommand<
  const C extends string,
  S extends AnySchema,
  const Rej extends RejectionSet = {},
>(name: C, spec: TransactionalCommandSpec<S, Rej>): TransactionalCommandDef<C, In<S>, Rej> {
  const of = `command "${name}"`
  checkOptions('COMMAND_DECLARATION', of, spec, options)
  checkSchema('COMMAND_DECLARATION', `the input of ${of}`, spec.input)
  checkPolicy('COMMAND_DECLARATION', of, spec.may)
  checkRejections(of, spec.rejections ?? {})
  return {
    kind: 'transactional-command',
    name,
    input: spec.input,
    target: spec.target as AnyTransactionalCommandDef['target'],
    may: spec.may as AnyTransactionalCommandDef['may'],
    rejections: spec.rejections ?? ({} as Rej),
    run: spec.run as AnyTransactionalCommandDef['run'],
    call: (input) => ({ command: name, input }),
    examples: spec.examples ?? [],
  }
}
