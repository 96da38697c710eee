import { TailraceError, type ErrorCode } from '../errors.ts'
import { checkChoice } from './check-declaration.ts'
import { shownValue } from './shown-value.ts'

/** Who sends a command or asks a query. `system` is the product itself (timers, reactors). */
export interface Actor {
  readonly role: string
  readonly id: string
}

export const systemActor: Actor = Object.freeze({ role: 'system', id: 'system' })

/**
 * What a policy function answers. A reason means no, and reaches the caller: it says what they can leave out or do, and
 * nothing that they may not know.
 */
export type PolicyAnswer = boolean | { readonly because: string }

/**
 * Who may: `'anyone'` also without identity, `'authenticated'`, `'system'` (never from outside), or a function, which
 * answers at once. Always declared: there is no default.
 */
export type Policy<Args> =
  | 'anyone'
  | 'authenticated'
  | 'system'
  | ((args: Args & { readonly actor: Actor }) => PolicyAnswer)

/** Refuses what is no policy. A misspelt one would let nobody pass, and say so to callers only. */
export function checkPolicy(code: ErrorCode, of: string, may: unknown): void {
  if (typeof may === 'function') return
  checkChoice(code, `"may" of ${of}, if no function,`, may, ['anyone', 'authenticated', 'system'])
}

export type PolicyVerdict =
  | 'allowed'
  | 'not-authenticated'
  | 'not-allowed'
  | { readonly because: string }

/**
 * Evaluates the policy of `of`. A function policy is asked only with an identity, and only its `true` lets pass: throws
 * `HANDLER_RESULT_INVALID` when it gives anything but true, false or a reason, such as the promise of one.
 */
export function judge<Args>(
  policy: Policy<Args>,
  actor: Actor | undefined,
  args: () => Args,
  of: { readonly kind: string; readonly name: string },
): PolicyVerdict {
  if (policy === 'anyone' || actor?.role === 'system') return 'allowed'
  if (actor === undefined) return 'not-authenticated'
  if (policy === 'authenticated') return 'allowed'
  if (policy === 'system') return 'not-allowed'
  const answer: unknown = policy({ ...args(), actor })
  if (answer === true) return 'allowed'
  if (answer === false) return 'not-allowed'
  if (isReason(answer)) return answer
  throw new TailraceError(
    'HANDLER_RESULT_INVALID',
    `expected \`may\` of ${of.kind} "${of.name}" to give true, false or { because } at once, got ${shownValue(answer)}; nobody may pass until it does`,
  )
}

function isReason(answer: unknown): answer is { readonly because: string } {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'because' in answer &&
    typeof answer.because === 'string'
  )
}

/** What a verdict adds to the sentence that refuses: its reason, if there is one. */
export function reasonOf(verdict: PolicyVerdict): string {
  return typeof verdict === 'object' ? `: ${verdict.because}` : ''
}
