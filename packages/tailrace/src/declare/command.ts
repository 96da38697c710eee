import { nearest, TailraceError } from '../errors.ts'
import { checkPolicy, type Actor, type Policy } from './actor.ts'
import type { AnyAggregate } from './aggregate.ts'
import type { CallExample } from './call-example.ts'
import { checkChoice, checkOptions, checkSchema, type OptionsOf } from './check-declaration.ts'
import type { AnyEventDef, NewEvent, NewEventOf } from './event.ts'
import { shownValue } from './shown-value.ts'
import type { AnySchema, In, Out } from './standard-schema.ts'

/** Whether the aggregate must be new, must exist, or either. Of two concurrent creates exactly one wins. */
export type Presence = 'new' | 'existing' | 'either'

/** A business rejection: a value, not an exception. `rule` is answered with 422, `conflict` with 409. */
export interface RejectionDef<Detail = undefined> {
  readonly kind: 'rule' | 'conflict'
  readonly detail: AnySchema | undefined
  readonly of?: Detail
}

// oxlint-disable-next-line typescript/no-explicit-any
export type RejectionSet = Readonly<Record<string, RejectionDef<any>>>

/** Declares a rejection because the input breaks a business rule. */
export function rule(): RejectionDef
export function rule<S extends AnySchema>(detail: S): RejectionDef<Out<S>>
export function rule(detail?: AnySchema): RejectionDef<unknown> {
  return { kind: 'rule', detail }
}

/** Declares a rejection because of the state that the aggregate is in. */
export function conflict(): RejectionDef
export function conflict<S extends AnySchema>(detail: S): RejectionDef<Out<S>>
export function conflict(detail?: AnySchema): RejectionDef<unknown> {
  return { kind: 'conflict', detail }
}

const rejectedMark: unique symbol = Symbol.for('tailrace.rejected')

export interface Rejected {
  readonly [rejectedMark]: true
  readonly code: string
  readonly kind: 'rule' | 'conflict'
  readonly detail: unknown
}

export type Rejecters<Rej extends RejectionSet> = {
  readonly [K in keyof Rej]: Rej[K] extends RejectionDef<infer D>
    ? [D] extends [undefined]
      ? () => Rejected
      : (detail: D) => Rejected
    : never
}

/** The last rejection that a run of a handler made; undefined: none. */
export interface MadeRejection {
  last: Rejected | undefined
}

/** Makes the `reject` object of a command: one function per declared rejection. What is made is noted in `made`. */
export function rejecters<Rej extends RejectionSet>(set: Rej, made: MadeRejection): Rejecters<Rej> {
  const rejects: Record<string, (detail?: unknown) => Rejected> = {}
  for (const [code, { kind }] of Object.entries(set))
    rejects[code] = (detail) => (made.last = { [rejectedMark]: true, code, kind, detail })
  return rejects as Rejecters<Rej>
}

export function isRejected(value: unknown): value is Rejected {
  return typeof value === 'object' && value !== null && rejectedMark in value
}

/** What is told of a rejection that a handler threw: it is a value, and has to be returned. */
export function thrownRejection(command: string, { code }: Rejected): TailraceError {
  return new TailraceError(
    'HANDLER_RESULT_INVALID',
    `expected "${command}" to return its rejection ${code}, got it thrown; write \`return reject.${code}(…)\``,
  )
}

/** What is told of a rejection that a handler made and did not return: the command would pass the rule. */
export function droppedRejection(command: string, { code }: Rejected): TailraceError {
  return new TailraceError(
    'HANDLER_RESULT_INVALID',
    `expected "${command}" to return its rejection ${code}, got it made and not returned; write \`return reject.${code}(…)\``,
  )
}

/** What a handler may know of its surroundings. It has no clock and no random source. */
export interface CommandContext {
  readonly actor: Actor
  /** The database's time when the batch was decided, RFC 3339 UTC. */
  readonly now: string
  /** The command's id (= correlation id of its events). */
  readonly commandId: string
  /** The n-th id of this command, a uuid. The same command run again gets the same ids. */
  readonly newId: (n: number) => string
}

export interface DecideArgs<
  S extends AnySchema,
  Rows,
  Rej extends RejectionSet,
> extends CommandContext {
  readonly input: Out<S>
  readonly rows: Rows
  /** Makes the rejections of the command, one function each. One that is made has to be returned. */
  readonly reject: Rejecters<Rej>
}

/** The rows that `decide` gets, by presence. */
export type RowsFor<P extends Presence, Rows> = P extends 'new'
  ? undefined
  : P extends 'existing'
    ? Rows
    : Rows | undefined

export interface CommandSpec<
  S extends AnySchema,
  Id,
  Rows,
  P extends Presence,
  Rej extends RejectionSet,
  E extends readonly AnyEventDef[],
> {
  readonly input: S
  /** Which aggregate the command is for. */
  readonly target: (input: Out<S>) => Id
  readonly on: P
  /** Who may send it, judged with the rows in hand. */
  readonly may: Policy<{ readonly input: Out<S>; readonly rows: RowsFor<P, Rows> }>
  readonly rejections?: Rej
  /** The code of the rejection when `on: 'new'` meets an existing aggregate. Default: AGGREGATE_EXISTS (409). */
  readonly exists?: keyof Rej & string
  /** Pure: rows and input → events, or a rejection. */
  readonly decide: (
    args: DecideArgs<S, RowsFor<P, Rows>, Rej>,
  ) => NewEventOf<E> | readonly NewEventOf<E>[] | Rejected
  /** Calls that work, for the generated documentation: they run in the order of the registry against a fresh start. */
  readonly examples?: readonly CallExample<In<S>>[]
}

// oxlint-disable-next-line typescript/no-explicit-any
const options: OptionsOf<CommandSpec<any, any, any, any, any, any>> = {
  input: 'required',
  target: 'required',
  on: 'required',
  may: 'required',
  rejections: 'optional',
  exists: 'optional',
  decide: 'required',
  examples: 'optional',
}

/** A declared command. `I` is its input, `Rej` its rejections: all that a client's types need. */
export interface CommandDef<
  C extends string = string,
  I = unknown,
  Rej extends RejectionSet = RejectionSet,
> {
  readonly kind: 'command'
  readonly name: C
  readonly aggregate: AnyAggregate
  readonly input: AnySchema
  readonly target: (input: never) => string
  readonly on: Presence
  readonly may: Policy<{ readonly input: unknown; readonly rows: unknown }>
  readonly rejections: Rej
  readonly exists: string | undefined
  readonly decide: (args: never) => NewEvent | readonly NewEvent[] | Rejected
  /** Makes a call of this command, for test kits, schedules and reactors. */
  call(input: I): CommandCall<C, I, Rej>
  readonly examples: readonly CallExample<I>[]
  readonly of?: I
}

const calledMark: unique symbol = Symbol.for('tailrace.called')

/** The command that a call was made from: a link that JSON and comparisons do not see. */
export function calledCommand(call: CommandCall): AnyCommandDef | undefined {
  return (call as { readonly [calledMark]?: AnyCommandDef })[calledMark]
}

/** A command and its input, as `payOrder.call({ … })` makes it. `Rej` is there for types only. */
export interface CommandCall<
  C extends string = string,
  I = unknown,
  Rej extends RejectionSet = RejectionSet,
> {
  readonly command: C
  readonly input: I
  readonly rejections?: Rej
}

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyCommandDef = CommandDef<any, any, any>

export function makeCommand(
  aggregate: AnyAggregate,
  name: string,
  // oxlint-disable-next-line typescript/no-explicit-any
  spec: CommandSpec<any, any, any, any, any, any>,
  // oxlint-disable-next-line typescript/no-explicit-any
): CommandDef<any, any, any> {
  checkCommand(name, spec)
  const def: AnyCommandDef = {
    kind: 'command',
    name,
    aggregate,
    input: spec.input,
    target: spec.target,
    on: spec.on,
    may: spec.may as AnyCommandDef['may'],
    rejections: spec.rejections ?? {},
    exists: spec.exists,
    decide: spec.decide as AnyCommandDef['decide'],
    call: (input) => Object.defineProperty({ command: name, input }, calledMark, { value: def }),
    examples: spec.examples ?? [],
  }
  return def
}

// oxlint-disable-next-line typescript/no-explicit-any
function checkCommand(name: string, spec: CommandSpec<any, any, any, any, any, any>): void {
  const code = 'COMMAND_DECLARATION'
  const of = `command "${name}"`
  checkOptions(code, of, spec, options)
  checkSchema(code, `the input of ${of}`, spec.input)
  checkChoice(code, `"on" of ${of}`, spec.on, ['new', 'existing', 'either'])
  checkPolicy(code, of, spec.may)
  const rejections = (spec.rejections ?? {}) as RejectionSet
  checkRejections(of, rejections)
  if (spec.exists !== undefined && !(spec.exists in rejections))
    throw new TailraceError(
      code,
      `expected "exists" of ${of} to name one of its rejections, got "${spec.exists}"${nearest(spec.exists, Object.keys(rejections))}`,
    )
}

/** Refuses rejections that are not made with `rule()` or `conflict()`. */
export function checkRejections(of: string, rejections: RejectionSet): void {
  for (const [name, declared] of Object.entries(rejections)) {
    if (typeof declared !== 'object' || !['rule', 'conflict'].includes(declared?.kind))
      throw new TailraceError(
        'COMMAND_DECLARATION',
        `expected rejection ${name} of ${of} to be rule() or conflict(), got ${shownValue(declared)}`,
      )
  }
}
