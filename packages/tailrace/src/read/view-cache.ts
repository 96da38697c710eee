import type { Clock } from '../ports/clock.ts'
import type { Checkpoint } from '../ports/read-store.ts'
import type { HeadWatch } from './head-watch.ts'
import type { ProjectionWatch } from './projection-watch.ts'
import { projectionView, type ProjectionView } from './projection-view.ts'

export type Checkpoints = ReadonlyMap<number, Checkpoint>

interface Kept {
  readonly view: ProjectionView
  readonly checkpoints: Checkpoints
  readonly changes: number
  readonly looks: number
  /** On the monotonic clock: a lag grows with time alone. */
  readonly until: number
}

const lagGoodMs = 1

/** Views of projections, made again only when something has moved: thousands of queries per second ask for the same one. */
export class ViewCache {
  readonly #head: HeadWatch
  readonly #clock: Clock
  readonly #kept = new Map<ProjectionWatch, Kept>()

  constructor(head: HeadWatch, clock: Clock) {
    this.#head = head
    this.#clock = clock
  }

  view(watch: ProjectionWatch, checkpoints: Checkpoints = watch.checkpoints): ProjectionView {
    const { changes } = watch
    const { looks } = this.#head
    const now = this.#clock.monotonic()
    const kept = this.#kept.get(watch)
    const same =
      kept?.checkpoints === checkpoints && kept.changes === changes && kept.looks === looks
    if (same && now < kept.until) return kept.view
    const view = projectionView(watch, this.#head, checkpoints)
    // Without lag, and with a log that answers, nothing changes by time alone.
    const still =
      view.lagMs === 0 && this.#head.failure === undefined && this.#head.seen !== undefined
    this.#kept.set(watch, {
      view,
      checkpoints,
      changes,
      looks,
      until: still ? Number.POSITIVE_INFINITY : now + lagGoodMs,
    })
    return view
  }
}
