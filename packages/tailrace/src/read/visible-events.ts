import type { Checkpoint, CheckpointMove } from '../ports/read-store.ts'
import type { Freshness } from './freshness.ts'
import type { ReadMetrics } from './metrics.ts'

interface Written {
  readonly version: number
  readonly moves: readonly CheckpointMove[]
  readonly recordedAtMs: readonly number[]
}

/** Events of one projection that are remembered while nobody can see them yet. */
const eventsMax = 50_000

/** Measures when what workers of this process apply becomes visible to queries. */
export class VisibleEvents {
  readonly #freshness: Freshness
  readonly #metrics: ReadMetrics
  readonly #later = new Map<string, ShownLater>()

  constructor(freshness: Freshness, metrics: ReadMetrics) {
    this.#freshness = freshness
    this.#metrics = metrics
    freshness.onAdvance((projection) => this.#shown(projection))
  }

  /** `recordedAt`: RFC 3339, of the events that were applied. */
  applied(
    projection: string,
    version: number,
    moves: readonly CheckpointMove[],
    recordedAt: readonly string[],
  ): void {
    if (recordedAt.length === 0) return
    this.#metrics.applied(projection, recordedAt.length)
    const times = recordedAt.map(Date.parse)
    const { readStore } = this.#freshness.watch(projection)
    if (readStore.capabilities.visibleOnWrite) return this.#tell(projection, times)
    const later = this.#later.get(projection) ?? new ShownLater()
    this.#later.set(projection, later)
    later.wrote(version, moves, times)
  }

  #shown(projection: string): void {
    const later = this.#later.get(projection)
    if (later === undefined) return
    const { version, checkpoints } = this.#freshness.watch(projection)
    this.#tell(projection, later.shown(version, checkpoints))
  }

  #tell(projection: string, times: readonly number[]): void {
    this.#metrics.becameVisible(projection, times, this.#freshness.head.nowMs())
  }
}

/** Events that were written to a store which shows them after a step of its own, until it does. Of one projection. */
class ShownLater {
  #waiting: Written[] = []
  #events = 0

  /** They were written. Of more than 50,000 the oldest are forgotten: a store that shows nothing any more is told by its lag. */
  wrote(version: number, moves: readonly CheckpointMove[], recordedAtMs: readonly number[]): void {
    this.#waiting.push({ version, moves, recordedAtMs })
    this.#events += recordedAtMs.length
    while (this.#events > eventsMax && this.#waiting.length > 1)
      this.#events -= this.#waiting.shift()!.recordedAtMs.length
  }

  /** When the events were recorded that readers of this version now see, in milliseconds; each is told of once. */
  shown(version: number, checkpoints: ReadonlyMap<number, Checkpoint>): readonly number[] {
    const seen: number[] = []
    this.#waiting = this.#waiting.filter((written) => {
      const isShown =
        written.version === version &&
        written.moves.every(({ range, to }) => (checkpoints.get(range)?.visible ?? -1n) >= to)
      if (isShown) {
        this.#events -= written.recordedAtMs.length
        for (const at of written.recordedAtMs) seen.push(at)
      }
      return !isShown
    })
    return seen
  }
}
