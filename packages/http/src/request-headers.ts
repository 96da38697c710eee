import type { Inbound } from './exchange.ts'
import { ProblemError } from './problem.ts'

/** `Prefer` (RFC 7240), as far as it means something here. */
export interface Preferences {
  readonly waitMs: number | undefined
  readonly consistency: 'strict' | 'eventual' | undefined
}

// The longest wait that the engine grants; a longer one is answered with what was granted.
const waitMaxMs = 5_000
const none: Preferences = { waitMs: undefined, consistency: undefined }

/** Reads `Prefer`. Preferences that are not understood are ignored, as the RFC asks. */
export function preferencesOf(request: Inbound): Preferences {
  const header = request.header('prefer')
  if (header === undefined) return none
  let {
    waitMs,
    consistency,
  }: { waitMs: number | undefined; consistency: Preferences['consistency'] } = none
  for (const part of header.split(',')) {
    const [, name, value] = /^\s*([\w-]+)\s*=\s*"?([\w.]+)"?\s*(?:;.*)?$/.exec(part) ?? []
    if (name?.toLowerCase() === 'wait' && /^\d{1,9}(\.\d{1,6})?$/.test(value!))
      waitMs ??= Math.min(waitMaxMs, Math.round(Number(value) * 1000))
    if (name?.toLowerCase() === 'consistency' && (value === 'strict' || value === 'eventual'))
      consistency ??= value
  }
  return { waitMs, consistency }
}

/** `Preference-Applied`, when there is something to say. */
export function preferenceApplied(preferences: Preferences): Record<string, string> {
  const applied: string[] = []
  if (preferences.waitMs !== undefined) applied.push(`wait=${preferences.waitMs / 1000}`)
  if (preferences.consistency !== undefined) applied.push(`consistency=${preferences.consistency}`)
  return applied.length === 0 ? {} : { 'preference-applied': applied.join(', ') }
}

/** `Idempotency-Key`: 1–255 visible ASCII characters. */
export function idempotencyKeyOf(request: Inbound): string | undefined {
  const key = request.header('idempotency-key')
  if (key === undefined || /^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw invalid('Idempotency-Key', '1 to 255 visible ASCII characters', key)
}

const entityTag = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/

/**
 * `If-Match` (RFC 9110): the version of the aggregate that the caller saw, in double quotes; a list of them; or `*`, any
 * version that there is. A tag that is weak, or that we never gave, matches none.
 */
export function expectedVersionOf(
  request: Inbound,
): number | readonly number[] | 'any' | undefined {
  const header = request.header('if-match')
  if (header === undefined) return undefined
  if (header.trim() === '*') return 'any'
  const versions: number[] = []
  // No version has a comma in it, and a tag that has one is cut into two that are malformed.
  for (const part of header.split(',')) {
    const tag = entityTag.exec(part.trim())
    if (tag === null)
      throw invalid('If-Match', 'versions in double quotes, such as "3", or *', header)
    if (tag[1] === undefined && /^(0|[1-9]\d{0,14})$/.test(tag[2]!)) versions.push(Number(tag[2]))
  }
  return versions.length === 1 ? versions[0] : versions
}

const tokensMax = 64

/** `Consistency-Token`: one, or several with commas between them. */
export function tokensOf(request: Inbound): readonly string[] {
  const header = request.header('consistency-token')
  if (header === undefined) return []
  const tokens = header.split(',').map((token) => token.trim())
  if (tokens.includes(''))
    throw new ProblemError(
      'INVALID_TOKEN',
      'expected a consistency token as a command answered it, got an empty one',
    )
  if (tokens.length > tokensMax)
    throw invalid('Consistency-Token', `at most ${tokensMax} tokens`, `${tokens.length}`)
  return [...new Set(tokens)]
}

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

/** `traceparent`, when it is a valid one: W3C asks to ignore others. */
export function traceparentOf(request: Inbound): string | undefined {
  const header = request.header('traceparent')
  return header !== undefined && traceIdOf(header) !== undefined ? header : undefined
}

export function traceIdOf(header: string | undefined): string | undefined {
  const [, trace, span] = traceparent.exec(header ?? '') ?? []
  if (trace === undefined || header!.startsWith('ff')) return undefined
  return /^0+$/.test(trace) || /^0+$/.test(span!) ? undefined : trace
}

/** Whether `If-None-Match` names the tag (weak comparison, RFC 9110). */
export function matchesNone(request: Inbound, etag: string): boolean {
  const header = request.header('if-none-match')
  if (header === undefined) return false
  return header.trim() === '*' || header.split(',').some((tag) => opaque(tag) === opaque(etag))
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '')
}

function invalid(name: string, expected: string, got: string): ProblemError {
  return new ProblemError(
    'HEADER_INVALID',
    `expected ${name} to be ${expected}, got ${JSON.stringify(got.slice(0, 80).toWellFormed())}`,
  )
}
