import { setTimeout as pause } from 'node:timers/promises'
import { pick, type Fault, type FaultClass, type FaultSource, type Random } from './fault.ts'

export interface RunOptions {
  readonly random: Random
  /** Until `performance.now()` says so. */
  readonly until: number
  readonly sources: ReadonlyMap<FaultClass, FaultSource>
  /** Waits until the system has worked on. Throws when it does not. */
  readonly progress: () => Promise<void>
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

export type FaultCounts = ReadonlyMap<FaultClass, number>

/** Faults that may overlap. */
const atOnceMax = 2
const betweenMs = 1_000

/**
 * Lets things go wrong, one or two at a time, and in between waits until work has gone on: a system that is down does
 * nothing wrong, and shows nothing. Everything has ended when it resolves, also when it throws.
 */
export async function runFaults(options: RunOptions): Promise<FaultCounts> {
  const { random, until, sources, progress, say, signal } = options
  const counts = new Map<FaultClass, number>([...sources.keys()].map((kind) => [kind, 0]))
  const under = new Set<Promise<void>>()
  const failures: unknown[] = []
  const goesOn = (): boolean =>
    performance.now() < until && !signal.aborted && failures.length === 0
  while (goesOn()) {
    const kind = pick(random, [...sources.keys()])
    const fault = sources.get(kind)!(random)
    if (fault === undefined) continue
    say(`${fault.kind}: ${fault.what}${fault.forMs === 0 ? '' : ` for ${fault.forMs} ms`}`)
    counts.set(kind, counts.get(kind)! + 1)
    const happening = happen(fault).catch((error: unknown) => void failures.push(error))
    under.add(happening)
    void happening.then(() => under.delete(happening))
    await pause(random() * betweenMs)
    const overlaps = random() < 0.3
    while (under.size >= (overlaps ? atOnceMax : 1)) await Promise.race(under)
    if (under.size === 0 && goesOn()) await progress()
  }
  await Promise.all(under)
  if (failures.length > 0) throw failures[0]
  return counts
}

async function happen(fault: Fault): Promise<void> {
  await fault.begin()
  try {
    await pause(fault.forMs)
  } finally {
    await fault.end()
  }
}
