import type { Actor } from '../declare/actor.ts'
import { systemActor } from '../declare/actor.ts'
import type { Aggregate, AnyAggregate } from '../declare/aggregate.ts'
import {
  calledCommand,
  rejecters,
  type AnyCommandDef,
  type CommandCall,
  type MadeRejection,
  type RejectionDef,
  type RejectionSet,
} from '../declare/command.ts'
import type { AnyEventDef, NewEvent, NewEventOf } from '../declare/event.ts'
import type { RowsOf, TableSet } from '../declare/rows.ts'
import { shownValue } from '../declare/shown-value.ts'
import { validateNow } from '../declare/standard-schema.ts'
import { noAggregate, presented, type AggregateState } from '../write/aggregate-state.ts'
import { applyEvents } from '../write/apply-rows.ts'
import { decideCommand, type Decision } from '../write/decide-command.ts'
import type { PlainPending } from '../write/lane-queue.ts'
import { deepFreeze } from '../write/freeze.ts'
import { newPending } from '../write/pending-command.ts'
import { expectEqual, expectFits, fail } from './expectations.ts'

/** What a command may be told of its surroundings in a test. */
export interface TestContext {
  /** Default: the system itself, which may do everything. */
  readonly actor?: Actor
  /** Default: `2026-01-01T00:00:00.000Z`. */
  readonly now?: string
  /** Default: `00000000-0000-7000-8000-000000000001`; ids of `newId` derive from it. */
  readonly commandId?: string
}

/** Given events and a command: what must come of it. Every check throws an AssertionError that shows the difference. */
export interface Verdict<
  R extends TableSet,
  E extends readonly AnyEventDef[],
  Rej extends RejectionSet = RejectionSet,
> {
  /** The command emits exactly these events, which fit their schemas, and whose row operations fit the rows. */
  then(...events: NewEventOf<E>[]): void
  /** As `then`, and leaves exactly these rows; `undefined`: it deletes the aggregate. */
  leaves(rows: RowsOf<R> | undefined): void
  /** The command is rejected with this code, and with this detail when one is given. */
  rejects<K extends (keyof Rej & string) | 'AGGREGATE_EXISTS'>(
    code: K,
    detail?: Rej[K] extends RejectionDef<infer Detail> ? Detail : undefined,
  ): void
  /** The command is refused before the rules: not found, not allowed, another version. */
  refuses(code: 'NOT_FOUND' | 'NOT_ALLOWED' | 'NOT_AUTHENTICATED' | 'INPUT_INVALID'): void
}

export interface AggregateTest<R extends TableSet, E extends readonly AnyEventDef[]> {
  /** The history of the aggregate; each event must fit its schema. */
  given(...events: NewEventOf<E>[]): AggregateTest<R, E>
  /** Answers at once: it is not awaited. */
  when<Rej extends RejectionSet>(
    call: CommandCall<string, unknown, Rej>,
    context?: TestContext,
  ): Verdict<R, E, Rej>
}

const noSchedules = new Map<string, never>()

/** Tests the rules of an aggregate, without a database: `given(events).when(call).then(events)`. */
export function testAggregate<R extends TableSet, E extends readonly AnyEventDef[]>(
  aggregate: Aggregate<string, string, R, E>,
  history: readonly NewEvent[] = [],
): AggregateTest<R, E> {
  return {
    given: (...events) =>
      testAggregate(aggregate, [...history, ...(events as readonly NewEvent[])]),
    when: (call, context = {}) =>
      verdictOf(aggregate as unknown as AnyAggregate, history, call, context) as never,
  }
}

function verdictOf(
  aggregate: AnyAggregate,
  history: readonly NewEvent[],
  call: CommandCall,
  context: TestContext,
): Verdict<TableSet, readonly AnyEventDef[]> {
  const def = calledCommand(call)
  if (def === undefined || def.aggregate !== aggregate)
    fail(
      `expected a call of a command of ${aggregate.name}, such as placeOrder.call({…}), got ${called(call)}`,
    )
  const decision = decisionOf(def, history, call.input, context)
  const title = `${def.name} ${JSON.stringify(call.input)}`
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- The word of the trade; awaiting it by mistake says so.
    then(...events) {
      if (typeof events[0] === 'function')
        fail(
          'expected when(…) not to be awaited: it answers at once; call then, rejects or refuses',
        )
      if (decision.kind !== 'emitted')
        fail(
          `expected ${title} to emit ${names(events as readonly NewEvent[])}, got ${spoken(decision)}`,
        )
      const emitted = decision.events.map(({ type, data }) => ({ type, data }))
      expectEqual(
        emitted,
        events.map(({ type, data }) => ({ type, data })),
        `expected ${title} to emit ${names(events as readonly NewEvent[])}, got ${names(emitted)}`,
      )
    },
    leaves(rows) {
      if (decision.kind !== 'emitted')
        fail(`expected ${title} to leave rows, got ${spoken(decision)}`)
      expectEqual(
        { ...presented(aggregate, decision.state.rows) },
        { ...rows },
        `expected ${title} to leave other rows`,
      )
    },
    rejects(code, ...detail) {
      if (decision.kind !== 'rejected' || decision.rejection.code !== code)
        fail(`expected ${title} to be rejected with ${code}, got ${spoken(decision)}`)
      if (detail.length > 0)
        expectEqual(
          decision.rejection.detail,
          detail[0],
          `expected the detail of ${code} to be another`,
        )
    },
    refuses(code) {
      if (decision.kind !== 'refused' || decision.outcome.code !== code)
        fail(`expected ${title} to be refused with ${code}, got ${spoken(decision)}`)
    },
  }
}

/** What was given as a call, in words: a command that was not called would fill pages. */
function called(call: unknown): string {
  const { kind, name, command } = (call ?? {}) as Readonly<Record<string, unknown>>
  if (kind === 'command') return `the command itself; write ${String(name)}.call({…})`
  if (kind === 'transactional-command')
    return `"${String(name)}", which has its transaction in hand: it runs on a database only`
  return typeof command === 'string' ? `a call of "${command}"` : shownValue(call)
}

function decisionOf(
  def: AnyCommandDef,
  history: readonly NewEvent[],
  raw: unknown,
  context: TestContext,
): Decision {
  const validated = validateNow(def.input, raw)
  if (!validated.ok) {
    const message = validated.issues.map((issue) => `${issue.pointer}: ${issue.message}`).join('; ')
    return {
      kind: 'refused',
      outcome: { kind: 'refused', code: 'INPUT_INVALID', message, issues: validated.issues },
    }
  }
  const id = def.target(validated.value as never)
  expectFits(def.aggregate.id, id, `the target of ${def.name}`)
  const state = stateAfter(def.aggregate, id, history)
  const actor = context.actor ?? systemActor
  if (def.may === 'system' && actor.role !== 'system') {
    return {
      kind: 'refused',
      outcome: { kind: 'refused', code: 'NOT_ALLOWED', message: 'only the system may send it' },
    }
  }
  // Frozen: a batch may be decided again, so a handler that changes its input would see the change.
  const pending = pendingOf(def, id, deepFreeze(validated.value), { ...context, actor })
  const decision = decideCommand(pending, state, {
    now: context.now ?? '2026-01-01T00:00:00.000Z',
    onFailure: rethrow,
  })
  if (decision.kind === 'emitted') {
    for (const { type, data } of decision.events) expectEventFits(def.aggregate, { type, data })
    expectRowsFit(def.aggregate, state, decision.state)
  } else if (decision.kind === 'rejected') expectRejectionFits(def, decision.rejection)
  return decision
}

function rethrow(error: unknown): never {
  throw error
}

function pendingOf(
  def: AnyCommandDef,
  id: string,
  input: unknown,
  context: TestContext,
): PlainPending {
  const rejections = def.rejections as RejectionSet
  const made: MadeRejection = { last: undefined }
  const code: string = def.exists ?? 'AGGREGATE_EXISTS'
  const command = {
    kind: 'plain',
    def,
    reject: rejecters(rejections, made),
    made,
    exists: { code, kind: rejections[code]?.kind ?? 'conflict' },
    schedules: noSchedules,
  } as const
  return newPending(
    command,
    context.commandId ?? '00000000-0000-7000-8000-000000000001',
    '',
    input,
    id,
    context,
  )
}

/** The state of an aggregate after events; each must fit its schema, and leave rows that fit theirs. */
function stateAfter(
  aggregate: AnyAggregate,
  id: string,
  events: readonly NewEvent[],
): AggregateState {
  let state: AggregateState = noAggregate
  for (const event of events) {
    expectEventFits(aggregate, event)
    const after = applyEvents(aggregate, id, state, [event]).state
    expectRowsFit(aggregate, state, after)
    state = after
  }
  return state
}

function expectEventFits(aggregate: AnyAggregate, event: NewEvent): void {
  const def = (aggregate.events as readonly AnyEventDef[]).find(
    (other) => other.type === event.type,
  )
  if (def === undefined) fail(`expected events of ${aggregate.name}, got "${event.type}"`)
  expectFits(def.schema, event.data, `the data of ${event.type}`)
}

/** Checks the rows that changed against the schemas of their tables. */
function expectRowsFit(
  aggregate: AnyAggregate,
  before: AggregateState,
  after: AggregateState,
): void {
  if (after.rows === undefined) return
  const tables = aggregate.rows as TableSet
  expectFits(tables[aggregate.root]!.schema, after.rows.root, `the row of "${aggregate.root}"`)
  for (const [of, rows] of Object.entries(after.rows.children)) {
    const known = new Set(before.rows?.children[of])
    for (const row of rows)
      if (!known.has(row)) expectFits(tables[of]!.schema, row, `a row of "${of}"`)
  }
}

function expectRejectionFits(
  def: AnyCommandDef,
  { code, detail }: { readonly code: string; readonly detail: unknown },
): void {
  const declared = (def.rejections as RejectionSet)[code]
  if (declared?.detail !== undefined && detail !== undefined)
    expectFits(declared.detail, detail, `the detail of ${code}`)
}

function names(events: readonly NewEvent[]): string {
  return events.length === 0 ? 'nothing' : events.map(({ type }) => type).join(', ')
}

function spoken(decision: Decision): string {
  switch (decision.kind) {
    case 'emitted':
      return `${names(decision.events)} ${JSON.stringify(decision.events.map(({ data }) => data))}`
    case 'rejected':
      return `the rejection ${decision.rejection.code} ${JSON.stringify(decision.rejection.detail) ?? ''}`
    case 'refused':
      return `the refusal ${decision.outcome.code}: ${decision.outcome.message}`
    case 'stored':
      return 'a stored answer'
  }
}
