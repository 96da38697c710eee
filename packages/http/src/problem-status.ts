/**
 * The one table of problem codes: HTTP status and title. Codes of business rejections are not here: a rule is 422, a
 * conflict with the state is 409. 5xx only where something of ours is broken or cannot take more.
 */
export const problemStatus = {
  // the request itself
  BODY_MALFORMED: [400, 'The body is not well-formed JSON'],
  HEADER_INVALID: [400, 'A header has a value that cannot be used'],
  PARAMETER_INVALID: [400, 'A parameter of the address cannot be used'],
  INVALID_TOKEN: [400, 'The consistency token is malformed'],
  NOT_AUTHENTICATED: [401, 'An identity is needed'],
  NOT_ALLOWED: [403, 'The identity may not do this'],
  ROUTE_UNKNOWN: [404, 'Nothing is here'],
  COMMAND_UNKNOWN: [404, 'No command of that name or id'],
  QUERY_UNKNOWN: [404, 'No query of that name'],
  NOT_FOUND: [404, 'The thing asked for does not exist'],
  METHOD_NOT_ALLOWED: [405, 'The method cannot be used here'],
  BODY_TOO_LARGE: [413, 'The body is too large'],
  MEDIA_TYPE_UNSUPPORTED: [415, 'The body has a type that is not read here'],
  INPUT_INVALID: [422, 'The input does not fit'],
  IDEMPOTENCY_KEY_REUSED: [422, 'The idempotency key was used with another input'],
  CURSOR_INVALID: [422, 'The page cursor cannot be used'],
  // the state
  AGGREGATE_EXISTS: [409, 'It exists already'],
  COMMAND_IN_PROGRESS: [409, 'The command is still running'],
  TIMER_GONE: [409, 'The timer of the command is not set any more'],
  TOKEN_OF_ANOTHER_HISTORY: [409, 'The consistency token belongs to another history'],
  VERSION_CONFLICT: [412, 'It has another version'],
  // not now
  NOT_CAUGHT_UP: [503, 'The read model is not there yet'],
  TOO_MANY_WAITERS: [503, 'Too many queries are waiting'],
  COMMAND_TOO_BUSY: [503, 'Too many commands are waiting'],
  CONTENTION: [503, 'The command lost the race too often'],
  COMMAND_OUTCOME_UNKNOWN: [503, 'The outcome is not known yet'],
  UNAVAILABLE: [503, 'A server that is needed does not answer'],
  OVERLOADED: [503, 'Too many requests at once'],
  // broken
  COMMAND_FAILED: [500, 'The command failed'],
  QUERY_FAILED: [500, 'The query failed'],
  READ_STORE_DAMAGED: [500, 'The read model is damaged'],
  INTERNAL: [500, 'Something of ours is broken'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof problemStatus

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problemStatus, code)
}

/** The status of a declared business rejection. */
export const rejectionStatus = { rule: 422, conflict: 409 } as const
