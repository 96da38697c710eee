import type { Lab } from '../engines/lab.ts'

/** One measured side of a goal in one round. `value` is what the ratio is made of. */
export interface Measured {
  readonly value: number
  /** CPU microseconds of this process, its children and its servers, per operation. */
  readonly cpuUsPerOp: number
  /** Further figures to print, such as p50. */
  readonly also?: Readonly<Record<string, number>>
}

/** A figure to reach, as a ratio of the product to a ceiling that is measured in the same round. */
export interface Goal {
  /** `P2`, or `P2.400` where a goal is reached in several settings. `--only P2` runs them all. */
  readonly id: string
  readonly name: string
  /** What the values count, such as `commands/s` or `ms`. */
  readonly unit: string
  /** The ratio to reach: at least, or for delays at most. */
  readonly target: number
  readonly sense: 'at-least' | 'at-most'
  readonly ceilingName: string
  /** Further figures of the product that must hold too, by their names in `also`. */
  readonly limits?: Readonly<
    Record<string, { readonly atMost: number } | { readonly atLeast: number }>
  >
  /** How often it is run, whatever `--rounds` says: for what takes minutes. */
  readonly rounds?: number
  /** Runs only when it is named. */
  readonly onRequest?: boolean
  /** Prepares what all rounds share. */
  prepare(lab: Lab): Promise<PreparedGoal>
}

export interface PreparedGoal {
  /** A round of -1 is the warm-up, which does not count. */
  product(round: number): Promise<Measured>
  ceiling(round: number): Promise<Measured>
  /** Figures that compare both sides of a round, such as the ratio of their latencies. */
  compare?(product: Measured, ceiling: Measured): Readonly<Record<string, number>>
  close(): Promise<void>
}

export interface GoalResult {
  readonly id: string
  readonly name: string
  readonly product: number
  readonly ceiling: number
  readonly ratio: number
  readonly lo: number
  readonly hi: number
  readonly target: number
  readonly cpuUsPerOp: number
  readonly ceilingCpuUsPerOp: number
  readonly rounds: number
  /** Median share of all cores that other processes used during the rounds; NaN where it cannot be read. */
  readonly foreignCpu: number
  readonly reached: boolean
  readonly sense: 'at-least' | 'at-most'
  readonly unit: string
  readonly ceilingName: string
  /** Medians of further figures of the product, of the ceiling, and of their comparison. */
  readonly also: Readonly<Record<string, number>>
}
