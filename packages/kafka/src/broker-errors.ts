import { findErrorBy } from '@platformatic/kafka'
import { isTailraceError, TailraceError } from 'tailrace/adapter'

/** Whether Kafka's own name of an error is anywhere in what the client threw: it nests and collects errors. */
export function isBrokerError(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.some((name) => findErrorBy(error, 'apiId', name) !== null)
}

export function isUnknownTopic(error: unknown): boolean {
  return (
    isBrokerError(error, 'UNKNOWN_TOPIC_OR_PARTITION') ||
    (error instanceof Error && /Unknown topic/.test(error.message))
  )
}

/** A send was turned away for its size. */
export function isTooLarge(error: unknown): boolean {
  return isBrokerError(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')
}

/** The topic is not the one that was asked for: deleted, made anew, or with other partitions. */
export function isOtherTopic(error: unknown): boolean {
  return isUnknownTopic(error) || isBrokerError(error, 'UNKNOWN_TOPIC_ID', 'INCONSISTENT_TOPIC_ID')
}

export function changed(topic: string, found: string): TailraceError {
  return new TailraceError(
    'BUS_CHANGED',
    `expected topic "${topic}" as it was, got ${found}; ask for its layout again`,
    { retryable: true },
  )
}

/** What the client threw, as an error of ours that says why. */
export function asBusError(error: unknown, topic: string, doing: string): TailraceError {
  if (isTailraceError(error)) return error
  if (isOtherTopic(error)) return changed(topic, 'another one or none')
  if (isTooLarge(error))
    return new TailraceError(
      'BUS_UNSUITABLE',
      `expected topic "${topic}" to take a send of the size that its settings allow, got a refusal; smaller ones are tried, and a single message needs a larger max.message.bytes, or segment.bytes`,
      { cause: error },
    )
  return new TailraceError(
    'UNAVAILABLE',
    `expected the brokers of topic "${topic}" to answer while ${doing}, got: ${reason(error)}`,
    { retryable: true, cause: error },
  )
}

/** The innermost message: the outer ones only count attempts. */
function reason(error: unknown): string {
  let inner = error
  for (let depth = 0; depth < 10; depth++) {
    const errors = (inner as { readonly errors?: readonly unknown[] }).errors
    const next = errors?.at(-1) ?? (inner as { readonly cause?: unknown }).cause
    if (!(next instanceof Error)) break
    inner = next
  }
  return inner instanceof Error ? inner.message : String(inner)
}
