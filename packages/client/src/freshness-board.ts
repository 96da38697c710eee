import type { Meta, ProjectionState } from 'tailrace'

/** How far behind a projection was when an answer last told. */
export interface ProjectionFreshness {
  readonly position: string
  readonly lagMs: number
  readonly state: ProjectionState
}

export type Freshnesses = Readonly<Record<string, ProjectionFreshness>>

/** The freshness of every projection that an answer of this client ever told of: the latest word, for display. */
export class FreshnessBoard {
  readonly #listeners = new Set<() => void>()
  #state: Freshnesses = {}

  readonly getSnapshot = (): Freshnesses => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Takes the word of an answer; nothing changes when it says nothing new. */
  note(reads: Meta['reads']): void {
    const changed = Object.entries(reads).filter(([name, { position, lagMs, state }]) => {
      const known = this.#state[name]
      return known?.position !== position || known.lagMs !== lagMs || known.state !== state
    })
    if (changed.length === 0) return
    this.#state = { ...this.#state, ...Object.fromEntries(changed) }
    for (const listener of this.#listeners) listener()
  }
}
