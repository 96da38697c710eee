import { isTailraceError } from '../errors.ts'
import type { Trouble } from '../ports/leases.ts'
import { errorText } from '../project/fold-batch.ts'

/** Others were there first, or the database went back in time: what follows is work, not trouble. */
const raced: ReadonlySet<string> = new Set(['PROJECTION_FENCED', 'LOG_EPOCH_CHANGED'])

/** What keeps a process from going on with one range of a reactor. */
export class ReactorTrouble {
  #ended: Trouble | undefined
  /** Of events whose handler has failed and is tried again, by event. */
  readonly #retrying = new Map<string, string>()

  /** The work on the range has ended with an error; it is begun anew. */
  ended(error: unknown): void {
    const code = isTailraceError(error) ? error.code : undefined
    if (code !== undefined && raced.has(code)) return
    const passes = isTailraceError(error) && error.retryable
    this.#ended = { failed: !passes, text: errorText(error) }
  }

  /** The work begins, perhaps anew: nothing is under way. */
  began(): void {
    this.#retrying.clear()
  }

  /** A page was handled. */
  wentOn(): void {
    this.#ended = undefined
  }

  failedAttempt(eventId: string, attempt: number, error: string): void {
    this.#retrying.set(
      eventId,
      `event ${eventId} failed ${attempt === 1 ? 'once' : `${attempt} times`} and is tried again: ${error}`,
    )
  }

  settled(eventId: string): void {
    this.#retrying.delete(eventId)
  }

  get now(): Trouble | undefined {
    if (this.#ended !== undefined) return this.#ended
    const [first] = this.#retrying.values()
    if (first === undefined) return undefined
    const more = this.#retrying.size - 1
    return { failed: false, text: more === 0 ? first : `${first} (and ${more} more)` }
  }
}
