import { judge, reasonOf, type Policy } from '../declare/actor.ts'
import {
  validateSoon,
  type AnySchema,
  type Issue,
  type Validated,
} from '../declare/standard-schema.ts'
import { isStrayPromise } from '../declare/stray-promise.ts'
import { nearest, TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { CommandOutcome, RefusalCode } from '../run/engine.ts'
import { canonicalId } from './canonical-id.ts'
import { commandIdOfKey, fingerprintOf } from './command-identity.ts'
import type { CompiledCommand } from './compiled-command.ts'
import { newPending, type CallOptions, type PendingCommand } from './pending-command.ts'

type Refusal = Extract<CommandOutcome, { kind: 'refused' }>

export type Receive = (
  name: string,
  input: unknown,
  options: CallOptions,
) => PendingCommand | Refusal | Promise<PendingCommand | Refusal>

/** Takes calls in: finds the command, judges what can be judged without rows, validates, and gives the command its id. */
export function receiver(
  commands: ReadonlyMap<string, CompiledCommand>,
  clock: Clock,
  onThrow: (error: unknown, name: string, options: CallOptions) => void,
): Receive {
  function failed(name: string, error: unknown, options: CallOptions): Refusal {
    onThrow(error, name, options)
    return refusal(
      'COMMAND_FAILED',
      `command "${name}" failed: its schema, target or policy threw, or gave something else than it must; nothing was committed`,
    )
  }
  return (name, input, options) => {
    const command = commands.get(name)
    if (command === undefined)
      return refusal(
        'COMMAND_UNKNOWN',
        `expected a command of this application, got "${name}"${nearest(name, [...commands.keys()])}`,
      )
    try {
      const stopped = judgeEarly(command, options)
      if (stopped !== undefined) return stopped
      const validated = validateSoon(command.def.input as AnySchema, input)
      if (!(validated instanceof Promise))
        return understood(command, input, validated, options, clock)
      return validated
        .then((late) => understood(command, input, late, options, clock))
        .catch((error: unknown) => failed(name, error, options))
    } catch (error) {
      return failed(name, error, options)
    }
  }
}

function refusal(code: RefusalCode, message: string, issues?: readonly Issue[]): Refusal {
  return issues === undefined
    ? { kind: 'refused', code, message }
    : { kind: 'refused', code, message, issues }
}

/** What the policy says before there are rows. A function policy still asks for an identity. */
function judgeEarly(
  { def }: CompiledCommand,
  { actor, idempotencyKey, expectedVersion }: CallOptions,
): Refusal | undefined {
  const may = def.may as Policy<unknown>
  const verdict =
    typeof may === 'function'
      ? actor === undefined
        ? 'not-authenticated'
        : 'allowed'
      : judge(may, actor, () => undefined, def)
  if (verdict === 'not-authenticated')
    return refusal('NOT_AUTHENTICATED', `expected an identity for "${def.name}", got none`)
  if (verdict === 'not-allowed')
    return refusal('NOT_ALLOWED', `the actor may not send "${def.name}"`)
  if (idempotencyKey !== undefined && !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    return refusal(
      'INPUT_INVALID',
      `expected an idempotency key of 1 to 255 visible ASCII characters, got ${idempotencyKey.length} characters`,
    )
  }
  if (
    expectedVersion !== undefined &&
    expectedVersion !== 'any' &&
    ![expectedVersion].flat().every(Number.isSafeInteger)
  ) {
    return refusal(
      'INPUT_INVALID',
      `expected the expected version to be an integer, some of them, or "any", got ${JSON.stringify(expectedVersion)}`,
    )
  }
  return undefined
}

function understood(
  command: CompiledCommand,
  raw: unknown,
  validated: Validated<unknown>,
  options: CallOptions,
  clock: Clock,
): PendingCommand | Refusal {
  const { def } = command
  if (!validated.ok)
    return refusal('INPUT_INVALID', `the input does not fit "${def.name}"`, validated.issues)
  const input = validated.value
  const target = def.target(input as never)
  const stopped = wrongId(command, target) ?? judgeInput(command, input, options)
  if (stopped !== undefined) return stopped
  const id = command.kind === 'plain' ? canonicalId(command.def.aggregate, target) : target
  const { actor, idempotencyKey } = options
  if (idempotencyKey === undefined) return newPending(command, clock.uuid(), '', input, id, options)
  const fingerprint = fingerprintOf(def.name, raw)
  if (fingerprint === undefined) {
    return refusal(
      'INPUT_INVALID',
      'expected an input that is JSON nested at most 200 deep, got another',
    )
  }
  return newPending(command, commandIdOfKey(actor, idempotencyKey), fingerprint, input, id, options)
}

/** The policy of a transactional command: it has the input only. */
function judgeInput(
  { kind, def }: CompiledCommand,
  input: unknown,
  { actor }: CallOptions,
): Refusal | undefined {
  if (kind === 'plain') return undefined
  const verdict = judge(def.may as Policy<unknown>, actor, () => ({ input }), def)
  if (verdict === 'allowed') return undefined
  return refusal('NOT_ALLOWED', `the actor may not send "${def.name}"${reasonOf(verdict)}`)
}

/** An id that the database cannot even look up would fail the load of its whole batch. */
function wrongId({ kind, def }: CompiledCommand, id: unknown): Refusal | undefined {
  const wrong = (issues?: readonly Issue[]): Refusal =>
    refusal(
      'INPUT_INVALID',
      `expected "${def.name}" to name its aggregate with a valid id, got ${JSON.stringify(id)}`,
      issues,
    )
  if (isStrayPromise(id))
    throw new TailraceError(
      'HANDLER_RESULT_INVALID',
      `expected \`target\` of ${def.kind} "${def.name}" to give an id at once, got a promise`,
    )
  if (typeof id !== 'string' || id === '' || id.includes('\0') || !id.isWellFormed()) return wrong()
  if (kind === 'transactional') return undefined
  const checked = validateSoon(def.aggregate.id as AnySchema, id)
  return isStrayPromise(checked) || checked.ok ? undefined : wrong(checked.issues)
}
