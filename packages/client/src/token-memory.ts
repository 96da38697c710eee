import { formatToken, parseToken, type TokenParts } from './token-format.ts'
import type { TokenStorage } from './token-storage.ts'

/** A moment of this client: moments are counted, so that of any two it is known which came first. */
export type Moment = number

interface Write {
  readonly value: bigint
  readonly slots: readonly number[]
  /** When its answer arrived. */
  readonly answered: Moment
}

// More commands than this at the same time: the oldest are remembered only by what their successors cover.
const writesMax = 48

/**
 * What this client has written and seen in the log, as the fewest tokens that say it: one position (the highest seen)
 * and the transactions of its own writes. A write that began after another was answered stands behind it in the log, so
 * its token replaces the other's; writes that overlapped in time, and repeated ones, are kept side by side.
 */
export class TokenMemory {
  readonly #storage: TokenStorage
  #history: string | undefined
  #seen: bigint | undefined
  #writes: Write[] = []
  /** Tokens in a form that is not known here: the last one is carried. */
  #opaque: string | undefined
  #moment: Moment = 0
  #generation = 0

  constructor(storage: TokenStorage) {
    this.#storage = storage
    // A storage that was emptied has a text without tokens.
    for (const token of storage.read()?.split(',').filter(Boolean) ?? [])
      this.#take(token, undefined)
  }

  now(): Moment {
    return ++this.#moment
  }

  /** Grows when the log began another history: positions from before mean nothing after it. */
  get generation(): number {
    return this.#generation
  }

  /** The value of `Consistency-Token`; undefined when nothing was written or seen. */
  header(): string | undefined {
    const tokens: string[] = this.#opaque === undefined ? [] : [this.#opaque]
    const history = this.#history
    if (history !== undefined) {
      if (this.#seen !== undefined)
        tokens.push(formatToken({ history, kind: 'p', value: this.#seen, slots: [] }))
      for (const { value, slots } of this.#writes)
        tokens.push(formatToken({ history, kind: 'x', value, slots }))
    }
    return tokens.length === 0 ? undefined : tokens.join(',')
  }

  /**
   * Remembers the token of a command that was sent at `sent`. Undefined: it was answered from its record, and its
   * transaction is of an earlier call, whenever that was.
   */
  wrote(token: string, sent: Moment | undefined): void {
    this.#take(token, sent)
    this.#save()
  }

  /**
   * Remembers the token of an answer. A fresh answer to a question that was asked at `asked` has seen every write that
   * was answered before: its position stands for them from now on.
   */
  saw(token: string, asked: Moment, fresh: boolean): void {
    const parts = this.#take(token, asked)
    if (fresh && parts?.kind === 'p')
      this.#writes = this.#writes.filter((write) => write.answered > asked)
    this.#save()
  }

  /** Forgets everything: the server says that the tokens belong to another history. */
  clear(): void {
    this.#generation++
    this.#history = undefined
    this.#seen = undefined
    this.#writes = []
    this.#opaque = undefined
    this.#save()
  }

  #take(token: string, sent: Moment | undefined): TokenParts | undefined {
    const parts = parseToken(token)
    if (parts === undefined) {
      this.#opaque = token
      return undefined
    }
    if (!this.#enter(parts.history)) return undefined
    if (parts.kind === 'p') {
      if (this.#seen === undefined || parts.value > this.#seen) this.#seen = parts.value
    } else this.#addWrite(parts, sent)
    return parts
  }

  /** A new history replaces the old one; a late answer of an older epoch of the same system does not. */
  #enter(history: string): boolean {
    if (this.#history === history) return true
    if (this.#history !== undefined) {
      if (isOlder(history, this.#history)) return false
      this.#generation++
    }
    this.#history = history
    this.#seen = undefined
    this.#writes = []
    return true
  }

  #addWrite({ value, slots }: TokenParts, sent: Moment | undefined): void {
    // Of two writes that overlapped, the one with the higher id may stand before the other.
    const follows = (write: Write): boolean =>
      sent !== undefined && write.answered < sent && write.value < value
    const replaced = this.#writes.filter((write) => follows(write) || write.value === value)
    const union = [{ slots }, ...replaced].some((write) => write.slots.length === 0)
      ? []
      : [...new Set([...slots, ...replaced.flatMap((write) => write.slots)])].toSorted(
          (a, b) => a - b,
        )
    const kept = this.#writes.filter((write) => !replaced.includes(write))
    this.#writes = [...kept, { value, slots: union, answered: this.now() }].slice(-writesMax)
  }

  #save(): void {
    this.#storage.write(this.header() ?? '')
  }
}

function isOlder(history: string, than: string): boolean {
  const [system, epoch] = history.split('.')
  const [otherSystem, otherEpoch] = than.split('.')
  return system === otherSystem && Number(epoch) < Number(otherEpoch)
}
