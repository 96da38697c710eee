import type { Reply } from './exchange.ts'
import { problemStatus, type ProblemCode } from './problem-status.ts'

export interface PointedError {
  /** JSON Pointer into the body or input; `""` is the whole. */
  readonly pointer: string
  readonly code: string
  readonly message: string
}

/** The body of every error: RFC 9457 with our members. Further members carry the data of a rejection. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly errors?: readonly PointedError[]
  readonly commandId?: string
  readonly traceId?: string
}

export interface ProblemExtras {
  readonly errors?: readonly PointedError[] | undefined
  readonly commandId?: string | undefined
  readonly traceId?: string | undefined
  /** Further members of the body. */
  readonly members?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly retryAfterSeconds?: number
}

/** The members that a problem body has by itself; the data of a rejection may not use their names. */
export const problemMembers: ReadonlySet<string> = new Set([
  'type',
  'title',
  'status',
  'code',
  'detail',
  'errors',
  'commandId',
  'traceId',
  'instance',
  'data',
])

export function problemType(code: string): string {
  return `urn:tailrace:problem:${code}`
}

/** A problem of the table as a reply. */
export function problemReply(code: ProblemCode, detail: string, extras: ProblemExtras = {}): Reply {
  const [status, title] = problemStatus[code]
  const retry =
    extras.retryAfterSeconds ?? (status === 503 || code === 'COMMAND_IN_PROGRESS' ? 1 : undefined)
  const headers: Record<string, string> = { ...extras.headers }
  if (retry !== undefined) headers['retry-after'] = String(retry)
  if (status === 401) headers['www-authenticate'] ??= 'Bearer'
  return replyOf({ type: problemType(code), title, status, code, detail }, extras, headers)
}

/** The answer to a method that an address does not have; `GET` stands for `HEAD`, too. */
export function methodNotAllowed(
  { method }: { readonly method: string },
  methods: readonly string[],
): Reply {
  const allow = methods.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])).join(', ')
  return problemReply('METHOD_NOT_ALLOWED', `expected ${allow}, got ${method}`, {
    headers: { allow },
  })
}

/**
 * A declared business rejection as a reply. The members of its detail stand in the body itself, as RFC 9457 extends
 * problems; a detail that is no object, or uses a name that a problem has by itself, stands whole in `data`.
 */
export function rejectionReply(
  status: number,
  code: string,
  command: string,
  data: unknown,
  extras: ProblemExtras,
): Reply {
  const title = titleOf(code)
  const detail = `${command} was rejected: ${title.toLowerCase()}`
  return replyOf(
    { type: problemType(code), title, status, code, detail },
    { ...extras, members: spread(data) },
    { ...extras.headers },
  )
}

/** Thrown inside the endpoints where an answer is decided deep in a call. */
export class ProblemError extends Error {
  readonly reply: Reply

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail)
    this.name = 'ProblemError'
    this.reply = problemReply(code, detail, extras)
  }
}

function replyOf(core: Problem, extras: ProblemExtras, headers: Record<string, string>): Reply {
  const body = {
    ...core,
    errors: extras.errors,
    commandId: extras.commandId,
    ...extras.members,
    traceId: extras.traceId,
  }
  headers['content-type'] = 'application/problem+json'
  headers['cache-control'] = 'no-store'
  return { status: core.status, headers, body: JSON.stringify(body) }
}

function spread(data: unknown): Record<string, unknown> {
  if (data === undefined) return {}
  const plain = typeof data === 'object' && data !== null && !Array.isArray(data)
  if (!plain || Object.keys(data).some((key) => problemMembers.has(key))) return { data }
  return data as Record<string, unknown>
}

/** The title of a rejection, from its code. */
export function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
