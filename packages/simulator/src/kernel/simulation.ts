import { Faults } from './faults.ts'
import { Kernel } from './kernel.ts'
import { Marks } from './marks.ts'
import { Network } from './network.ts'
import { Random } from './random.ts'
import { Trace } from './trace.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Numbers of faults that do not take place. */
  readonly leftOut?: ReadonlySet<number>
  /** Keep lines of what happened, for people. */
  readonly keepTrace?: boolean
}

/** What the parts of one simulated world share. Chance comes in streams, so that one part's draws do not shift another's. */
export class Simulation {
  readonly seed: number
  readonly trace: Trace
  readonly kernel: Kernel
  readonly faults: Faults
  readonly marks: Marks
  readonly network: Network
  #streams = 100

  constructor({ seed, leftOut = new Set(), keepTrace = false }: SimulationOptions) {
    this.seed = seed
    this.trace = new Trace(keepTrace)
    this.kernel = new Kernel(new Random(seed, 1), this.trace)
    this.faults = new Faults(new Random(seed, 2), leftOut)
    this.marks = new Marks(new Random(seed, 3))
    this.network = new Network(this, new Random(seed, 4))
  }

  /** A stream of chance of its own. */
  random(): Random {
    return new Random(this.seed, this.#streams++)
  }

  /** A line for people, made only when somebody will read it. */
  say(who: string, text: () => string): void {
    if (this.trace.kept) this.trace.say(this.kernel.nowMs, who, text())
  }
}
