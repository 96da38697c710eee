/**
 * What a screen shows while read models lag behind one's own commands: the last answer, with the pending commands laid
 * over it when it is read. The answer itself is never changed, so a rejection is undone by taking its entry away, and a
 * late answer cannot bring an old row back.
 *
 * A command is pending until an answer is known to contain it. Until then the view holds the answer that the command was
 * issued on: a newer one may contain the effect already, and laying it over again would count it twice. A command that was
 * issued before the first answer has nothing to be laid on: the view begins when an answer is known to contain it.
 */
export class Overlay<D> {
  readonly #exact: boolean
  #latest: Snapshot<D> | undefined
  #entries: Pending<D>[] = []
  /** Counts the answers taken. Of equal positions that say "at least", only this tells what a later answer has more. */
  #order = 0

  /**
   * `positions`: whether an answer contains exactly the events up to its position, or at least those. Exact positions let
   * a view move on as soon as the position of each own command is known, and tell which of two answers is older; without
   * them, ask one question at a time. Default: at-least.
   */
  constructor(options: { readonly positions?: 'exact' | 'at-least' } = {}) {
    this.#exact = options.positions === 'exact'
  }

  /** Takes an answer. Older ones than the newest are ignored. */
  answered(answer: OverlayAnswer<D>): void {
    const { data, position, asked } = answer
    const latest = this.#latest
    const newer =
      latest === undefined ||
      position > latest.position ||
      (position === latest.position && asked >= latest.asked)
    const order = newer ? ++this.#order : this.#order
    if (newer) this.#latest = { data, position, asked, order }
    for (const entry of this.#entries) {
      if (answer.contains?.(entry) === true) entry.containedFrom ??= order
    }
    this.#prune()
  }

  /** Lays a command over the view from now on. */
  issue(patch: (data: D) => D): PendingEntry {
    this.#prune()
    const entry = new Pending(patch, this.#base(), (gone) => {
      this.#entries = this.#entries.filter((other) => other !== gone)
    })
    this.#entries.push(entry)
    return entry
  }

  /** The view now; undefined before the first answer. */
  view(): { readonly data: D; readonly position: bigint; readonly pending: number } | undefined {
    this.#prune()
    const base = this.#base()
    if (base === undefined) return undefined
    const over = this.#entries.filter((entry) => !covers(base, entry))
    return {
      data: over.reduce((data, entry) => entry.patch(data), base.data),
      position: base.position,
      pending: over.length,
    }
  }

  /** Forgets every answer and command: the log began another history, whose positions compare with none of before. */
  reset(): void {
    this.#latest = undefined
    this.#entries = []
  }

  get entries(): readonly PendingEntry[] {
    return this.#entries
  }

  #base(): Snapshot<D> | undefined {
    const latest = this.#latest
    const holding = this.#exact
      ? this.#entries.find((entry) => entry.at === undefined && entry.containedFrom === undefined)
      : this.#entries.some((entry) => latest === undefined || !covers(latest, entry))
        ? this.#entries[0]
        : undefined
    return holding === undefined ? latest : holding.base
  }

  #prune(): void {
    const base = this.#base()
    if (base !== undefined && base === this.#latest)
      this.#entries = this.#entries.filter((entry) => !covers(base, entry))
  }
}

export interface OverlayAnswer<D> {
  readonly data: D
  readonly position: bigint
  /** When it was asked for, on the client's own count of moments. */
  readonly asked: number
  /** Whether the answer is known to contain the effect of a command, because it was asked for with its token. */
  readonly contains?: (entry: PendingEntry) => boolean
}

/** A command that a view shows before the read model does. */
export interface PendingEntry {
  readonly state: 'sending' | 'committed' | 'unknown'
  /** When the client learned the state, on its own count of moments. */
  readonly since: number
  /** It happened. `at`: its position, where it is known. */
  committed(moment: number, at?: bigint): void
  /** It did not happen. */
  rejected(): void
  /** Nobody said whether it happened: it stays until an answer of the present tells. */
  unknown(moment: number): void
}

interface Snapshot<D> {
  readonly data: D
  readonly position: bigint
  readonly asked: number
  readonly order: number
}

class Pending<D> implements PendingEntry {
  readonly patch: (data: D) => D
  readonly base: Snapshot<D> | undefined
  at: bigint | undefined
  /** The order of the first answer that is known to contain it. */
  containedFrom: number | undefined
  state: PendingEntry['state'] = 'sending'
  since = 0
  readonly #remove: (entry: Pending<D>) => void

  constructor(
    patch: (data: D) => D,
    base: Snapshot<D> | undefined,
    remove: (entry: Pending<D>) => void,
  ) {
    this.patch = patch
    this.base = base
    this.#remove = remove
  }

  committed(moment: number, at?: bigint): void {
    this.state = 'committed'
    this.since = moment
    this.at ??= at
  }

  rejected(): void {
    this.#remove(this)
  }

  unknown(moment: number): void {
    this.state = 'unknown'
    this.since = moment
  }
}

function covers(snapshot: Snapshot<unknown>, entry: Coverage): boolean {
  const byPosition = entry.at !== undefined && snapshot.position >= entry.at
  return byPosition || (entry.containedFrom !== undefined && snapshot.order >= entry.containedFrom)
}

type Coverage = { readonly at: bigint | undefined; readonly containedFrom: number | undefined }
