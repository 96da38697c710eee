import { nearest, TailraceError, type ErrorCode } from '../errors.ts'
import { shownValue } from './shown-value.ts'

// What the compiler says of a declaration, for declarations that no compiler has seen: Node runs TypeScript without asking it.

/** The options of a declaration, all of them, and which of them it must have. */
export type OptionsOf<Spec> = {
  readonly [K in keyof Spec]-?: {} extends Pick<Spec, K> ? 'optional' : 'required'
}

/** Refuses options that nobody reads, which are misspelt ones mostly, and declarations that lack one. */
export function checkOptions(
  code: ErrorCode,
  of: string,
  given: object,
  options: Readonly<Record<string, 'required' | 'optional'>>,
): void {
  if (typeof given !== 'object' || given === null)
    throw new TailraceError(code, `expected ${of} to have options, got ${shownValue(given)}`)
  const known = Object.keys(options)
  const values = given as Readonly<Record<string, unknown>>
  const stranger = Object.keys(given).find(
    (name) => values[name] !== undefined && !known.includes(name),
  )
  if (stranger !== undefined)
    throw new TailraceError(
      code,
      `expected the options of ${of} to be ${known.join(', ')}, got "${stranger}"${nearest(stranger, known)}`,
    )
  const missing = known.find((name) => options[name] === 'required' && values[name] === undefined)
  if (missing !== undefined)
    throw new TailraceError(code, `expected ${of} to have "${missing}", got none`)
}

/** Refuses what is no schema, such as the bare properties of one. */
export function checkSchema(code: ErrorCode, what: string, schema: unknown): void {
  const standard = (schema as { readonly '~standard'?: { readonly validate?: unknown } } | null)?.[
    '~standard'
  ]
  if (typeof standard?.validate !== 'function')
    throw new TailraceError(
      code,
      `expected ${what} to be a Standard Schema, such as z.object({ … }), got ${shownValue(schema)}`,
    )
}

/** Refuses what is no list of events, such as a single one. */
export function checkEventList(code: ErrorCode, what: string, events: unknown): void {
  const isEvent = (one: unknown): boolean => (one as { readonly kind?: unknown })?.kind === 'event'
  if (!Array.isArray(events))
    throw new TailraceError(
      code,
      `expected ${what} to be a list of events, got ${isEvent(events) ? 'one event; write [ ] around it' : shownValue(events)}`,
    )
  const stranger = events.find((one) => !isEvent(one))
  if (events.some((one) => !isEvent(one)))
    throw new TailraceError(
      code,
      `expected ${what} to be a list of events, got ${shownValue(stranger)} in it; make events with event(…)`,
    )
}

/** Refuses a value that is none of those that an option can have. */
export function checkChoice(
  code: ErrorCode,
  what: string,
  value: unknown,
  choices: readonly string[],
): void {
  if (choices.includes(value as string)) return
  const got = typeof value === 'string' ? `"${value}"${nearest(value, choices)}` : shownValue(value)
  throw new TailraceError(code, `expected ${what} to be one of ${choices.join(', ')}, got ${got}`)
}
