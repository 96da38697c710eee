import type { CommandOperation, LoggedEvent, Violation } from './history.ts'

/** What the database keeps of a command. */
export interface RecordedCommand {
  readonly state: 'committed' | 'rejected'
  readonly aggregateId: string
  readonly version: number
  readonly code: string | undefined
}

export interface CommandEvidence {
  readonly operations: readonly CommandOperation[]
  readonly log: readonly LoggedEvent[]
  readonly records: ReadonlyMap<string, RecordedCommand>
  /** Commands that a restore of the database took back: whatever was said of them is void. */
  readonly takenBack: ReadonlySet<string>
}

/**
 * What clients were told of their commands is what happened: acknowledged ones are in the log once, rejected and refused
 * ones not at all, one key has one content and one outcome.
 */
export function checkCommands(evidence: CommandEvidence): Violation[] {
  const violations: Violation[] = []
  const say = (invariant: string, text: string): void => void violations.push({ invariant, text })
  const events = Map.groupBy(evidence.log, ({ commandId }) => commandId)
  for (const operation of evidence.operations) {
    const wrong = wrongAnswer(operation, events, evidence)
    if (wrong !== undefined) say(wrong.invariant, `${operation.session}: ${wrong.text}`)
  }
  for (const [key, sent] of byKey(evidence.operations)) {
    for (const text of wrongKey(sent, events, evidence)) say('I4', `key ${key}: ${text}`)
  }
  for (const [commandId, own] of events) {
    if (!evidence.records.has(commandId))
      say('I1', `event ${own[0]!.position} has no record of command ${commandId}`)
    const ordinals = own.map(({ ordinal }) => ordinal).toSorted((a, b) => a - b)
    if (ordinals.some((ordinal, i) => ordinal !== i + 1))
      say('I1', `command ${commandId} has the events ${ordinals.join()}`)
  }
  for (const [commandId, record] of evidence.records)
    if (record.state === 'rejected' && events.has(commandId))
      say('I3', `rejected command ${commandId} left an event`)
  return violations
}

type EventsByCommand = ReadonlyMap<string, readonly LoggedEvent[]>

function wrongAnswer(
  { outcome, name }: CommandOperation,
  events: EventsByCommand,
  { records, takenBack }: CommandEvidence,
): Violation | undefined {
  if (outcome === undefined || outcome.kind === 'info' || outcome.kind === 'refused')
    return undefined
  const { commandId } = outcome
  if (takenBack.has(commandId)) return undefined
  const record = records.get(commandId)
  if (record === undefined)
    return { invariant: 'I2', text: `${name} was answered, and ${commandId} has no record` }
  if (outcome.kind === 'rejected') {
    return record.state === 'rejected' && record.code === outcome.code
      ? undefined
      : { invariant: 'I4', text: `${name} was rejected, and its record says ${record.state}` }
  }
  if (record.state !== 'committed' || record.version !== outcome.version)
    return {
      invariant: 'I4',
      text: `${name} was answered with version ${outcome.version}, and its record says ${record.state} ${record.version}`,
    }
  const own = (events.get(commandId) ?? []).filter(({ stream }) => stream === outcome.stream)
  const last = own.at(-1)
  return last === undefined || last.version === outcome.version
    ? undefined
    : {
        invariant: 'I2',
        text: `${name} was answered with version ${outcome.version}, and the log has ${last.version}`,
      }
}

function byKey(operations: readonly CommandOperation[]): Map<string, CommandOperation[]> {
  return Map.groupBy(
    operations.filter(({ key }) => key !== undefined),
    ({ session, key }) => `${session} ${key}`,
  )
}

const nothingHappened: ReadonlySet<string> = new Set([
  'INPUT_INVALID',
  'NOT_ALLOWED',
  'NOT_FOUND',
  'VERSION_CONFLICT',
  'COMMAND_FAILED',
])

function* wrongKey(
  sent: readonly CommandOperation[],
  events: EventsByCommand,
  { takenBack }: CommandEvidence,
): Generator<string> {
  const decided = sent.flatMap(({ outcome, input }) =>
    outcome?.kind === 'ok' || outcome?.kind === 'rejected' ? [{ outcome, input }] : [],
  )
  if (decided.some(({ outcome }) => takenBack.has(outcome.commandId))) return
  const [first] = decided
  for (const { outcome, input } of decided) {
    if (input !== first!.input) yield `two contents were decided, ${first!.input} and ${input}`
    const same =
      outcome.kind === 'ok' && first!.outcome.kind === 'ok'
        ? outcome.version === first!.outcome.version && outcome.stream === first!.outcome.stream
        : outcome.kind === first!.outcome.kind
    if (!same || outcome.commandId !== first!.outcome.commandId)
      yield `it was answered with ${JSON.stringify(first!.outcome)} and ${JSON.stringify(outcome)}`
  }
  for (const { outcome, invokedAt, input } of sent) {
    if (outcome?.kind !== 'refused') continue
    const contents = new Set(sent.map((one) => one.input)).size
    if (outcome.code === 'IDEMPOTENCY_KEY_REUSED') {
      if (contents === 1) yield 'it was said to have another content, and never had one'
      continue
    }
    const earlier = sent.some(
      (one) =>
        (one.outcome?.kind === 'ok' || one.outcome?.kind === 'rejected') &&
        one.input === input &&
        one.endedAt! <= invokedAt,
    )
    if (earlier && nothingHappened.has(outcome.code))
      yield `it was decided, and later refused with ${outcome.code}`
  }
  const refused = sent.every(
    ({ outcome }) => outcome?.kind === 'refused' && nothingHappened.has(outcome.code),
  )
  const id = sent[0]!.outcome?.kind === 'refused' ? sent[0]!.outcome.commandId : undefined
  if (refused && id !== undefined && events.has(id)) yield `it was refused, and left an event`
}
