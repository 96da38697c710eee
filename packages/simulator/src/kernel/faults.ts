import type { Random } from './random.ts'

/** What happens to one call of a server. */
export type CallFault =
  | 'none'
  /** The connection is refused or reset before the server has the call: nothing happens. */
  | 'refused'
  /** The server does it; the answer is lost. */
  | 'lost-reply'
  /** The connection is lost, and the server does it later all the same. */
  | 'late'
  /** The answer takes very long. */
  | 'slow'
  /** No answer ever; done or not. */
  | 'hang'

/** Probabilities per call. */
export type FaultRates = Readonly<Record<Exclude<CallFault, 'none'>, number>>

export const noFaults: FaultRates = { refused: 0, 'lost-reply': 0, late: 0, slow: 0, hang: 0 }

/** One fault that took place. Numbers count the faults of a run: a run can be repeated without some of them. */
export interface Fault {
  readonly number: number
  readonly kind: string
  readonly where: string
}

/** Decides about faults, counts them, and can leave some out. */
export class Faults {
  active = true
  readonly happened: Fault[] = []
  readonly counts: Record<string, number> = {}
  readonly #random: Random
  readonly #left: ReadonlySet<number>
  #number = 0

  constructor(random: Random, leftOut: ReadonlySet<number>) {
    this.#random = random
    this.#left = leftOut
  }

  /** The fate of a call. */
  ofCall(rates: FaultRates, writes: boolean, where: string): CallFault {
    if (!this.active) return 'none'
    let draw = this.#random.next()
    for (const kind of kinds) {
      const rate = rates[kind]
      if (draw >= rate) {
        draw -= rate
        continue
      }
      if (kind === 'late' && !writes) return 'none'
      return this.happens(kind, where) ? kind : 'none'
    }
    return 'none'
  }

  /** A fault that somebody planned takes place now, unless it is one of those left out. */
  happens(kind: string, where: string): boolean {
    if (!this.active) return false
    const number = this.#number++
    if (this.#left.has(number)) return false
    this.happened.push({ number, kind, where })
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    return true
  }
}

const kinds = ['refused', 'lost-reply', 'late', 'slow', 'hang'] as const
