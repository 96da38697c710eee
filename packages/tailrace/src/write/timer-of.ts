import type { WrittenEvent } from '../declare/aggregate.ts'
import { findNotJson } from '../declare/not-json.ts'
import { shownValue } from '../declare/shown-value.ts'
import { TailraceError, nearest } from '../errors.ts'
import type { TimerToWrite } from '../ports/write-store.ts'
import type { CompiledSchedule } from './compiled-command.ts'

/**
 * What an event does to the timer of its stream; undefined: nothing. Throws `HANDLER_RESULT_INVALID` for a time or a call that
 * could not be kept when it is due: then nobody would be there to tell.
 */
export function timerOf(
  { def, commands }: CompiledSchedule,
  event: WrittenEvent,
): TimerToWrite | undefined {
  const wrong = (expected: string, got: string): TailraceError =>
    new TailraceError(
      'HANDLER_RESULT_INVALID',
      `expected schedule "${def.name}" to ${expected} for event "${event.type}", got ${got}`,
    )
  const change: unknown = def.on[event.type]!(event)
  if (change === undefined) return undefined
  const timer = { schedule: def.name, stream: event.id }
  if (change === 'cancel') return { ...timer, at: undefined, command: '', input: undefined }
  if (!isRecord(change) || !('at' in change))
    throw wrong("give { at, call }, 'cancel' or undefined at once", shownValue(change))
  const { at, call } = change
  if (typeof at !== 'string' || !isTime(at))
    throw wrong(
      'give a time as RFC 3339 with its offset, such as 2026-11-28T10:00:00Z',
      typeof at === 'string' ? JSON.stringify(at) : shownValue(at),
    )
  if (!isRecord(call) || typeof call['command'] !== 'string')
    throw wrong('give a call, such as command.call({ … })', shownValue(call))
  const { command, input } = call
  if (!Object.hasOwn(commands, command as string))
    throw wrong(
      'call a command of the app',
      `"${command as string}"${nearest(command as string, Object.keys(commands))}; add it to commands`,
    )
  const found = input === undefined ? undefined : findNotJson(input)
  if (found !== undefined)
    throw wrong(`call "${command as string}" with JSON`, `at "${found.pointer}" ${found.got}`)
  return { ...timer, at, command: command as string, input }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** Without an offset, a time means another moment at each server. */
const withOffset = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

function isTime(text: string): boolean {
  return withOffset.test(text) && !Number.isNaN(Date.parse(text))
}
