import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { cpuSeconds } from './cpu-time.ts'

/** Ticks per second of /proc/stat on Linux. */
const userHz = 100
const sampleMs = 250
const quietShare = 0.1

/** How busy this machine is with what is not ours. Figures taken meanwhile say less. */
export class Foreign {
  readonly #serverPids: readonly number[]
  readonly #busy = busySeconds()
  readonly #own: number
  readonly #began = performance.now()

  constructor(serverPids: readonly number[]) {
    this.#serverPids = serverPids
    this.#own = cpuSeconds(serverPids)
  }

  /** The share of all cores that others used since this was made; undefined where it cannot be read. */
  share(): number | undefined {
    const busy = busySeconds()
    if (busy === undefined || this.#busy === undefined) return undefined
    const own = cpuSeconds(this.#serverPids) - this.#own
    const seconds = (performance.now() - this.#began) / 1_000
    return Math.max(0, busy - this.#busy - own) / (seconds * availableParallelism())
  }
}

/** Waits until others leave the machine alone, at most `patienceMs`. */
export async function untilQuiet(serverPids: readonly number[], patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs
  while (performance.now() < until) {
    const foreign = new Foreign(serverPids)
    await new Promise((resolve) => setTimeout(resolve, sampleMs))
    if ((foreign.share() ?? 0) < quietShare) return
  }
}

/** Seconds for which the cores of this machine were not idle. */
function busySeconds(): number | undefined {
  try {
    const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'latin1')
      .split('\n')[0]!
      .split(/\s+/)
      .slice(1)
      .map(Number)
    return (user! + nice! + system! + irq! + softirq!) / userHz
  } catch {
    return undefined
  }
}
