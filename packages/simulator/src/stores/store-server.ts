import { startMs } from '../kernel/process-clock.ts'
import type { Server } from '../kernel/network.ts'
import type { Random } from '../kernel/random.ts'
import type { Simulation } from '../kernel/simulation.ts'
import { StoreState } from './store-state.ts'

export interface StoreTuning {
  readonly guarantee: 'transactional' | 'versioned' | 'append'
  /** How often what was written becomes visible; 0: at once. */
  readonly refreshMs: number
  /** Whether a refresh can be asked for. */
  readonly refreshOnDemand: boolean
  /** Probability that a write of a store without transactions is done bit by bit, with time in between. */
  readonly torn: number
  /** Probability that such a write stands still for long between two of its parts. */
  readonly stuck: number
  /** Mean time that a switch of readers takes inside of the store, milliseconds. */
  readonly switchMs: number
}

/** A simulated read store: one server that several processes share. */
export class StoreServer {
  readonly simulation: Simulation
  readonly server: Server
  readonly tuning: StoreTuning
  readonly random: Random
  state = new StoreState()
  /** When keys were parked: no reader sees this, checks do. */
  readonly parkedAt: { readonly projection: string; readonly key: string; readonly at: number }[] =
    []
  /** When it went back to an older copy. */
  readonly restoredAt: number[] = []
  /** What was lost when it last did. */
  lost: StoreState | undefined
  /** Told of what must never be. */
  onViolation: (invariant: string, text: string) => void = () => undefined
  /** Told of a version whose data was asked for events that the log has lost, and has some. */
  onLostData: (version: number) => void = () => undefined
  /** Read models that hold what the log lost, by projection and version: nothing may go on from there. */
  readonly diverged = new Set<string>()
  #refreshing = false

  constructor(simulation: Simulation, server: Server, tuning: StoreTuning) {
    this.simulation = simulation
    this.server = server
    this.tuning = tuning
    this.random = simulation.random()
  }

  nowMs(): number {
    return startMs + this.simulation.kernel.nowMs
  }

  /** What is done bit by bit ends here when the server has gone away meanwhile. */
  async aMoment(): Promise<boolean> {
    const { state } = this
    const stuck = this.random.chance(this.tuning.stuck) && this.simulation.faults.active
    if (stuck) this.simulation.marks.sometimes('a write is stuck halfway in its store')
    await this.simulation.kernel.pause(this.random.spread(stuck ? 900 : 2), 'store')
    return this.server.up && this.state === state
  }

  aWhile(meanMs: number): Promise<void> {
    return this.simulation.kernel.pause(this.random.spread(meanMs), 'store')
  }

  /** Whether what is done bit by bit ends here, for whatever reason. */
  breaksOff(): boolean {
    return this.random.chance(0.15) && this.simulation.faults.happens('torn', this.server.name)
  }

  /** Something was written: it is shown with the next refresh. */
  changed(): void {
    if (this.tuning.refreshMs === 0 || this.#refreshing) return
    this.#refreshing = true
    this.simulation.kernel.after(this.tuning.refreshMs, 'refresh', () => {
      this.#refreshing = false
      this.refresh()
    })
  }

  refresh(): void {
    for (const version of this.state.versions.values()) {
      version.shown = undefined
      version.shown = version.copy()
    }
  }

  crash(): void {
    this.server.up = false
  }

  recover(): void {
    this.server.up = true
  }

  /** An older copy comes back. */
  restore(backup: StoreState): void {
    this.restoredAt.push(this.simulation.kernel.nowMs)
    this.lost = this.state
    this.state = backup.copy()
    this.changed()
  }
}
