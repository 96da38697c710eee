import type { EngineName } from '../engines/engine-names.ts'
import { down, status, up } from '../engines/up-and-down.ts'

export interface EnginesUp {
  readonly running: readonly EngineName[]
  readonly notRun: readonly string[]
  /** Stops those that were started here. */
  stop(): Promise<void>
}

/** Starts what does not run yet. What cannot be started is told, and does not keep the others. */
export async function bringUp(names: readonly EngineName[]): Promise<EnginesUp> {
  const began = performance.now()
  const say = (line: string): void =>
    console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${line}`)
  const before = await Promise.all(names.map((name) => status(name)))
  const started = names.filter((_, n) => before[n]!.state !== 'running')
  // Ended by a signal, this process still stops what it started.
  const stop = once(async () => {
    await Promise.all(started.map((name) => down(name, say)))
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void stop().finally(() => process.exit(130)))
  const answers = await Promise.all(names.map((name) => up(name, false, say)))
  return {
    running: names.filter((_, n) => answers[n]!.state === 'running'),
    notRun: names.flatMap((name, n) =>
      answers[n]!.state === 'running' ? [] : [`${name}: ${answers[n]!.why ?? answers[n]!.state}`],
    ),
    stop,
  }
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= action())
}
