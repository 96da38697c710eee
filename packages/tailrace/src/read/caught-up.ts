import type { Freshness as Wanted } from '../declare/query.ts'
import type { QueryOptions } from '../run/engine.ts'
import type { Freshness } from './freshness.ts'
import type { TokenPlace, TokenPositions } from './token-positions.ts'

/** How the waiting for freshness ended. */
export interface CaughtUp {
  readonly reached: boolean
  /** What the tokens stood for, where all of them were reached; else 0. */
  readonly position: bigint
  /** Whether not being reached refuses the query; else the answer says that it is stale. */
  readonly required: boolean
  readonly waitedMs: number
  readonly aborted: boolean
}

const waitMsMax = 5_000

/** What a query wants, with the caller's overrides. */
export function wantedFreshness(declared: Wanted, options: QueryOptions): Wanted {
  const waitMs = Math.min(Math.max(options.waitMs ?? declared.waitMs, 0), waitMsMax)
  if (options.consistency === 'strict') return { mode: 'strict', waitMs }
  if (options.consistency === 'eventual') return { mode: 'eventual', waitMs }
  return { ...declared, waitMs }
}

/**
 * Waits until projections are as fresh as a query wants, no longer than it may. Throws `INVALID_TOKEN`,
 * `TOKEN_OF_ANOTHER_HISTORY`, `TOO_MANY_WAITERS`.
 */
export async function catchUp(
  freshness: Freshness,
  tokens: TokenPositions,
  projections: readonly string[],
  wanted: Wanted,
  options: QueryOptions,
): Promise<CaughtUp> {
  const { clock } = freshness
  const startedAt = clock.monotonic()
  const deadline = startedAt + wanted.waitMs
  const wait = new Waiting(freshness, projections, deadline, options.signal)
  const places = await Promise.all(
    (options.tokens ?? []).map((token) => tokens.placeOf(token, deadline)),
  )
  let reached = await wait.forTokens(places)
  if (places.length > 0) reached = (await wait.forNewVersions(startedAt)) && reached
  const position = reached ? highest(places) : 0n
  if (wanted.mode === 'strict') reached = (await wait.forHead()) && reached
  if (wanted.mode === 'bounded') reached = (await wait.forLag(wanted.maxLagMs)) && reached
  return {
    reached,
    position,
    required: wanted.mode !== 'eventual',
    waitedMs: clock.monotonic() - startedAt,
    aborted: options.signal?.aborted === true,
  }
}

function highest(places: readonly TokenPlace[]): bigint {
  return places.reduce(
    (high, { position }) => (position !== 'pending' && position > high ? position : high),
    0n,
  )
}

class Waiting {
  readonly #freshness: Freshness
  readonly #projections: readonly string[]
  readonly #deadline: number
  readonly #signal: AbortSignal | undefined

  constructor(
    freshness: Freshness,
    projections: readonly string[],
    deadline: number,
    signal: AbortSignal | undefined,
  ) {
    this.#freshness = freshness
    this.#projections = projections
    this.#deadline = deadline
    this.#signal = signal
  }

  async forTokens(places: readonly TokenPlace[]): Promise<boolean> {
    const outcomes = await Promise.all(
      places.flatMap(({ position, slots }) =>
        this.#projections.map((name) =>
          position === 'pending' ? false : this.#until(name, slots, position),
        ),
      ),
    )
    return outcomes.every(Boolean)
  }

  /**
   * Answers of stores without snapshots may show a little more than their tokens stand for. One version never takes that
   * back; another one must have passed all that the one before could show, before it counts as holding a token.
   */
  async forNewVersions(askedAt: number): Promise<boolean> {
    const outcomes = await Promise.all(
      this.#projections.map(async (name) => {
        const watch = this.#freshness.watch(name)
        const { arrival, besideLive } = watch
        if (besideLive) {
          // While the version is built this is the end of it, and nobody asks the log.
          if (!(await this.#until(name, [], this.#freshness.head.position))) return false
          const mark = await this.#endOfLogSince(askedAt)
          return mark !== undefined && this.#until(name, [], mark)
        }
        if (arrival === undefined) return true
        arrival.mark ??= await this.#endOfLogSince(arrival.at)
        if (arrival.mark === undefined || !(await this.#until(name, [], arrival.mark))) return false
        watch.passed(arrival)
        return true
      }),
    )
    return outcomes.every(Boolean)
  }

  /** As a look saw it that began after a time; undefined when the log does not answer. */
  async #endOfLogSince(at: number): Promise<bigint | undefined> {
    const { head } = this.#freshness
    const known = head.seen !== undefined && head.seen.readAt > at
    return known || (await head.look()) ? head.seen!.position : undefined
  }

  /** The head as it is now: what was committed but not sequenced counts too. */
  async forHead(): Promise<boolean> {
    const { head, clock } = this.#freshness
    for (;;) {
      if (!(await head.look())) return false
      const { position, unsequenced } = head.seen!
      if (unsequenced === 0) {
        const outcomes = await Promise.all(
          this.#projections.map((name) => this.#until(name, [], position)),
        )
        return outcomes.every(Boolean)
      }
      if (clock.monotonic() >= this.#deadline || this.#signal?.aborted === true) return false
      await clock.sleep(Math.min(5, this.#deadline - clock.monotonic()), this.#signal)
    }
  }

  async forLag(maxLagMs: number): Promise<boolean> {
    for (const name of this.#projections) {
      while (this.#freshness.view(name).lagMs > maxLagMs) {
        const visible = this.#freshness.watch(name).visible() ?? -1n
        if (!(await this.#until(name, [], visible + 1n))) {
          // A lag that is only the log's silence ends without any move.
          return this.#freshness.view(name).lagMs <= maxLagMs
        }
      }
    }
    return true
  }

  /** A paused projection will not move: waiting for it would only keep the caller. */
  async #until(name: string, slots: readonly number[], position: bigint): Promise<boolean> {
    const visible = this.#freshness.watch(name).visible(slots)
    if (visible !== undefined && visible >= position) return true
    if (this.#freshness.view(name).state === 'paused') return false
    return (
      (await this.#freshness.wait(name, slots, position, this.#deadline, this.#signal)) ===
      'reached'
    )
  }
}
