import { isTailraceError, TailraceError, WriteConflict, WriteFailed } from 'tailrace/adapter'
import type { Catalog } from '../catalog/catalog.ts'
import { enginePart } from './write-parts.ts'

/** The fields of an error that the server itself sent. */
export interface ServerError extends Error {
  readonly severity: string
  readonly code: string
  readonly schema?: string
  readonly table?: string
  readonly constraint?: string
}

/** Whether the server refused the statement. Anything else is the connection's own trouble. */
export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error && 'severity' in error && typeof (error as ServerError).code === 'string'
  )
}

/** Whether the connection is of no use any more, so that what was under way on it may or may not have happened. */
export function isConnectionLost(error: unknown): boolean {
  if (!isServerError(error)) return true
  // FATAL and PANIC end the connection. Class 57P says so too: the server shuts down, or this connection was ended.
  return ['FATAL', 'PANIC'].includes(error.severity) || /^(57P|08)/.test(error.code)
}

/** Whether `pg` refused to send because the connection was known to be dead. Then nothing has happened. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof Error && /not queryable|client was closed/i.test(error.message)
}

/**
 * Whether connection and server disagree about what is prepared, as poolers and DDL bring it about. Nothing has happened;
 * another connection, or preparing anew, helps.
 */
export function isStalePlan(error: unknown): boolean {
  if (!isServerError(error)) return false
  return (
    ['26000', '42P05'].includes(error.code) ||
    (error.code === '0A000' && error.message.includes('cached plan'))
  )
}

/** Whether the log has no partition for its next event: nobody made one ahead, since no sequencer ran for very long. */
export function isLogFull(error: unknown): boolean {
  return (
    isServerError(error) &&
    error.code === '23514' &&
    error.table === 'event_log' &&
    error.constraint === undefined
  )
}

/** What has a code already says it; it stays as it is. */
export function unavailable(cause: unknown, what = 'the write database to answer'): TailraceError {
  if (isTailraceError(cause)) return cause
  return new TailraceError(
    'UNAVAILABLE',
    `expected ${what}, got "${textOf(cause)}"; nothing was changed, so try again later`,
    {
      cause,
      retryable: true,
    },
  )
}

export function outcomeUnknown(cause: unknown): TailraceError {
  return new TailraceError(
    'COMMAND_OUTCOME_UNKNOWN',
    `expected the write database to confirm the commit, got "${textOf(cause)}"; the record of the command tells whether it happened`,
    { cause, retryable: true },
  )
}

/**
 * What an error of a statement means, after which nothing of the statement has happened.
 * Constraints that only say that a race was lost are told from those that the content breaks.
 */
export class ErrorClassifier {
  readonly #roots = new Set<string>()
  readonly #commandRecords: string

  constructor(schema: string, catalog: Catalog) {
    this.#commandRecords = constraintName(schema, 'command_record', 'command_record_pkey')
    for (const { root } of catalog.aggregates.values()) {
      this.#roots.add(constraintName(root.schema, root.name, root.primaryKey))
    }
  }

  classify(error: unknown): WriteConflict | WriteFailed | TailraceError {
    if (
      error instanceof WriteConflict ||
      error instanceof WriteFailed ||
      error instanceof TailraceError
    )
      return error
    if (isConnectionLost(error)) return unavailable(error)
    const server = error as ServerError
    if (server.code === '23505') return this.#uniqueViolation(server)
    if (isLogFull(server)) return new WriteConflict('serialization', server.message, server)
    if (server.code === 'TR001' && server.message.includes(enginePart.timersIssued))
      return failed(server, true)
    const kind = raceKinds[server.code]
    if (kind !== undefined) return new WriteConflict(kind, server.message, server)
    return temporary.test(server.code) || isStalePlan(server) ? unavailable(server) : failed(server)
  }

  #uniqueViolation(error: ServerError): WriteConflict | WriteFailed {
    const broken = constraintName(error.schema ?? '', error.table ?? '', error.constraint ?? '')
    if (broken === this.#commandRecords) return new WriteConflict('command', error.message, error)
    if (this.#roots.has(broken)) return new WriteConflict('exists', error.message, error)
    return failed(error)
  }
}

/** TR001 is this package's own assertion; the others: serialization failure, deadlock, lock not available. */
const raceKinds: Readonly<Record<string, WriteConflict['kind']>> = {
  TR001: 'version',
  '40001': 'serialization',
  '40P01': 'serialization',
  '55P03': 'serialization',
}

/** No room or memory, cancelled, a server that is read-only (a standby after a failover), trouble with its files. */
const temporary = /^(53|57014|25006|58)/

function failed(error: ServerError, timerGone = false): WriteFailed {
  return new WriteFailed(error.message, {
    timerGone,
    sqlState: error.code,
    constraint: error.constraint,
    cause: error,
  })
}

function constraintName(...parts: string[]): string {
  return parts.join('\u0000')
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error)
}
