/** The body of an error as the server sends it: RFC 9457 with a code. */
export interface ProblemBody {
  readonly code: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  readonly errors?: readonly {
    readonly pointer: string
    readonly code: string
    readonly message: string
  }[]
  readonly commandId?: string
  readonly traceId?: string
  readonly [member: string]: unknown
}

export interface ClientErrorOptions {
  readonly cause?: unknown
  readonly status?: number | undefined
  readonly problem?: ProblemBody | undefined
  readonly idempotencyKey?: string | undefined
}

/**
 * A call that got no answer of its own: no connection, a timeout, no permission, a broken server. Business rejections
 * are results, not errors. `code` is the problem's, or NETWORK, TIMEOUT, ANSWER_UNREADABLE,
 * BASE_URL_INVALID.
 */
export class ClientError extends Error {
  readonly code: string
  readonly status: number | undefined
  readonly problem: ProblemBody | undefined
  /** Send the command again with this key: if the first one was committed after all, its answer comes back. */
  readonly idempotencyKey: string | undefined

  constructor(code: string, message: string, options: ClientErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ClientError'
    this.code = code
    this.status = options.status
    this.problem = options.problem
    this.idempotencyKey = options.idempotencyKey
  }
}
