/** Every code that Tailrace throws, with what it means and what to do. The reference page is generated from this table. */
export const errorCodes = {
  // declaring
  EVENT_DECLARATION: 'An event is declared wrongly. Fix the declaration named in the message.',
  EVENT_FROM_THE_FUTURE:
    'The log holds a newer version of an event than this code declares. Deploy the newer code.',
  EVENT_UNKNOWN:
    'The log holds an event type that the application does not declare. Keep its declaration, call it retired in app(), or deploy the newer code that records it.',
  AGGREGATE_DECLARATION:
    'An aggregate is declared wrongly. Fix the declaration named in the message.',
  COMMAND_DECLARATION: 'A command is declared wrongly. Fix the declaration named in the message.',
  PROJECTION_DECLARATION:
    'A projection is declared wrongly. Fix the declaration named in the message.',
  APP_DECLARATION:
    'The parts of an application do not fit together. Fix the declaration named in the message.',
  CONFIG:
    'An option has a value that cannot be used. The message names option, expectation and value.',
  // starting
  CATALOG_MISMATCH:
    'The tables of the database disagree with the declarations. Migrate the tables or change the declaration.',
  SCHEMA_NEWER: 'The database was migrated by a newer, incompatible version. Deploy that version.',
  MIGRATION_CHANGED:
    'A migration that was applied has another text now. Undo the edit and add a new migration.',
  DATABASE_UNSUITABLE:
    'The database cannot give the guarantees (standby, durability off, too old). The message says which setting.',
  // commands
  COMMAND_UNKNOWN: 'No command of that name.',
  INPUT_INVALID: 'The input does not fit the schema of the command or query.',
  NOT_ALLOWED: 'The actor may not do this.',
  NOT_AUTHENTICATED: 'The command or query needs an identity.',
  NOT_FOUND: 'The thing asked for does not exist.',
  AGGREGATE_EXISTS: 'The command wants a new aggregate and one of that id exists.',
  VERSION_CONFLICT:
    'The aggregate has another version than the caller expected. Reload and decide again.',
  IDEMPOTENCY_KEY_REUSED:
    'The idempotency key was used with another input. Use a new key for a new intent.',
  COMMAND_IN_PROGRESS:
    'A command with this idempotency key is still running. Ask again with the same key.',
  COMMAND_FAILED:
    'The handler threw or a database constraint failed. Nothing was committed for this command.',
  COMMAND_TIMED_OUT:
    'A transactional command did not end in time. Its transaction was rolled back: nothing was committed.',
  TIMER_GONE:
    'The timer that issued the command was cancelled or set anew meanwhile. Nothing was committed; nobody has to act.',
  COMMAND_OUTCOME_UNKNOWN:
    'The connection was lost at commit and the record could not be read yet. Retry with the same key.',
  COMMAND_TOO_BUSY: 'Too many commands are waiting. Retry later with the same key.',
  CONTENTION: 'The command lost the race for its aggregate too often. Retry with the same key.',
  HANDLER_RESULT_INVALID:
    'A function of the application (may, decide, write, a schedule) gave something else than it must. Fix the function named in the message.',
  EVENT_DATA_INVALID:
    'The data of an event hold what JSON would change or cannot hold, such as a Date. Emit strings, numbers, booleans, null, lists and plain objects.',
  COMMAND_EMITTED_NOTHING: 'A transactional command changed rows without emitting an event.',
  ROW_INTEGER_TOO_LARGE:
    'A row holds an integer beyond 2^53, which a JavaScript number cannot hold exactly.',
  ROW_OPERATION_INVALID:
    'A write function returned an operation that cannot be applied to the rows.',
  // log
  LOG_NOT_PRIMARY: 'The sequencer is connected to a standby. It must read the primary.',
  LOG_FENCED: 'Another sequencer advanced the log. This one steps down.',
  LOG_EPOCH_CHANGED: 'The log was restored or failed over. Cursors of the old history are refused.',
  // projections
  PROJECTION_UNKNOWN: 'No projection of that name.',
  PROJECTION_CHANGED:
    'A version of a projection handles other events than it began with, and would lack some. Count its version up.',
  PROJECTION_KEY_CROSSES_STREAMS:
    'Two streams touch one document, or a stream whose partition key changed. Declare the projection with scope "log", and count its version up.',
  PROJECTION_FENCED: 'The lease was lost to another worker. This one stops writing.',
  PARKED_KEY_CHANGED: 'The events parked under a key changed meanwhile. Look again and repeat.',
  DOCUMENT_UNSTORABLE:
    'The store cannot hold a document as the fold returned it. Its key is parked; the message says what is wrong.',
  PROJECTION_HANDLER_FAILED: 'A projection handler threw. Its key is parked.',
  PROJECTION_DIFFERS:
    'The same events gave another read model. Make the projection pure, or report the store.',
  REBUILD_FAILED:
    'A new version of a projection does not hold what was folded into it, or too many of its keys are parked. Readers stay on the old version.',
  READ_STORE_DAMAGED:
    'A read store holds something that was never written to it. Rebuild the projection, and look for what damaged it.',
  PROJECTION_DIVERGED: 'The read model holds events that the log lost. Rebuild it.',
  // reactors
  REACTOR_CHANGED:
    'A reactor came to handle further events while a process of the release before runs it and passes over them. Stop that one, or give the handler a reactor of its own.',
  REACTOR_GAVE_UP:
    'A reactor failed at an event as often as it may. The event is recorded as failed; later ones go on.',
  REACTOR_UNKNOWN: 'No reactor of that name.',
  // buses
  BUS_UNSUITABLE:
    'The broker is set up so that it can lose messages, or cannot carry them. The message says which setting.',
  BUS_CHANGED:
    'The topic was made anew, trimmed or partitioned otherwise. The relay and its readers look again and go on.',
  BUS_FOREIGN: 'The topic holds messages of another log. Give each log a topic of its own.',
  MESSAGE_INVALID:
    'A message of a bus is not what was published: damaged, too large, or made by somebody else.',
  // reading
  QUERY_UNKNOWN: 'No query of that name.',
  QUERY_FAILED: 'The query threw.',
  INVALID_TOKEN: 'The consistency token is malformed.',
  TOKEN_OF_ANOTHER_HISTORY: 'The consistency token belongs to another log or lies beyond its head.',
  NOT_CAUGHT_UP: 'The read model did not reach the asked position in time.',
  TOO_MANY_WAITERS: 'Too many queries are waiting for a position. Retry later.',
  READ_UNSUPPORTED: 'The store of this projection cannot answer that kind of read.',
  CURSOR_INVALID: 'The page cursor is malformed or belongs to another query.',
  // infrastructure
  ADAPTER_CLOSED: 'The adapter was used after close().',
  UNAVAILABLE: 'A server that is needed does not answer.',
} as const

export type ErrorCode = keyof typeof errorCodes

const brand: unique symbol = Symbol.for('tailrace.error')

export interface ErrorOptions {
  readonly cause?: unknown
  /** Data that a program can use. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Whether the same call may succeed later. Default: false. */
  readonly retryable?: boolean
}

/** The one error class of Tailrace. `message` reads "expected X, got Y; remedy". Compare `code`, never the text. */
export class TailraceError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TailraceError'
    this.code = code
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }
}

/** Whether a value is a TailraceError, also across duplicate copies of this package. */
export function isTailraceError(value: unknown): value is TailraceError {
  return typeof value === 'object' && value !== null && brand in value
}

/** Quotes the nearest of the known names, for "did you mean" remedies; empty when nothing is near, or the name is one of them. */
export function nearest(name: string, known: readonly string[]): string {
  const ranked = known.map((other) => ({
    other,
    distance: editDistance(name.toLowerCase(), other.toLowerCase()),
  }))
  ranked.sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.other !== name && best.distance <= Math.max(2, name.length / 3)
    ? `; did you mean "${best.other}"?`
    : ''
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, swap))
    }
    previous = current
  }
  return previous[b.length]!
}
