import { isTailraceError } from '../errors.ts'
import type { FailedCommand } from '../write/executor.ts'

/** Where a command failed: what leads to it in its log, its traces and its rows. */
export function whereOf({ name, commandId, aggregateId, traceparent }: FailedCommand): string {
  let where = `command ${name}`
  if (commandId !== '') where += ` ${commandId}`
  if (aggregateId !== '') where += ` on ${JSON.stringify(aggregateId)}`
  const trace = traceparent?.split('-')[1]
  return trace === undefined ? where : `${where}, trace ${trace}`
}

/** A problem for a log: an error of ours with its code, which says enough; any other with its stack; each with its causes. */
export function problemText(where: string, error: unknown): string {
  let text = `${where}: ${errorText(error)}`
  let { cause } = error instanceof Error ? error : {}
  for (let depth = 0; cause !== undefined && depth < 5; depth++) {
    text += `\n  caused by ${errorText(cause)}`
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return `${text}\n`
}

function errorText(error: unknown): string {
  if (isTailraceError(error)) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return String(error)
  return error.stack ?? String(error)
}
