import type { App } from '../declare/app.ts'
import type { Clock } from '../ports/clock.ts'
import type { Behind, EventLog } from '../ports/event-log.ts'
import type { GivenUpStore, ReactorReport } from '../ports/given-up.ts'
import type { TimerReport, TimerStore } from '../ports/timers.ts'
import { HangGuard } from './hang-guard.ts'
import { within } from './within.ts'

export interface EffectsWatchOptions {
  readonly app: App
  readonly log: EventLog
  readonly givenUp: GivenUpStore
  readonly timers: TimerStore
  readonly clock: Clock
}

/** Reactors and timers as they were last seen. */
export interface SeenEffects {
  readonly reactors: readonly ReactorReport[]
  /** What is behind the positions of the reactors. */
  readonly behind: ReadonlyMap<bigint, Behind>
  /** Undefined where nothing is scheduled. */
  readonly timers: TimerReport | undefined
}

const answerMs = 2_000
/** Several who ask within this time share a look. */
const everyMs = 500
/** Of what failed, so much is shown. */
const recentMax = 10
/** A timer is overdue when it is still there so long after its time. */
const overdueMs = 60_000

/**
 * Looks at reactors and timers when somebody asks for their status: no query waits for them, so nobody looks otherwise.
 * What does not answer is remembered as it was.
 */
export class EffectsWatch {
  readonly #options: EffectsWatchOptions
  readonly #hanging: HangGuard
  #seen: SeenEffects | undefined
  #failure: string | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  constructor(options: EffectsWatchOptions) {
    this.#options = options
    this.#hanging = new HangGuard(options.clock)
  }

  get reactors(): readonly string[] {
    return this.#options.app.reactors.map(({ name }) => name)
  }

  get seen(): SeenEffects | undefined {
    return this.#seen
  }

  /** Why the last look failed; undefined when it did not. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Never throws. */
  look(): Promise<void> {
    const { app, clock } = this.#options
    if (app.reactors.length === 0 && app.schedules.length === 0) return Promise.resolve()
    if (clock.monotonic() - this.#lookedAt < everyMs || this.#hanging.blocked())
      return this.#looking ?? Promise.resolve()
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async #look(): Promise<void> {
    const { clock } = this.#options
    try {
      const asked = this.#hanging.track(this.#ask())
      this.#seen = await within(clock, answerMs, 'the write database', asked)
      this.#failure = undefined
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error)
    } finally {
      this.#lookedAt = clock.monotonic()
    }
  }

  async #ask(): Promise<SeenEffects> {
    const { app, givenUp, log, timers } = this.#options
    const names = this.reactors
    const [reactors, seenTimers] = await Promise.all([
      names.length === 0 ? [] : givenUp.report(names, recentMax),
      app.schedules.length === 0 ? undefined : timers.report(overdueMs, recentMax),
    ])
    const positions = [...new Set(reactors.flatMap(({ position }) => position ?? []))]
    const behind = positions.length === 0 ? [] : await log.behind(positions)
    return {
      reactors,
      behind: new Map(positions.map((position, i) => [position, behind[i]!])),
      timers: seenTimers,
    }
  }
}
