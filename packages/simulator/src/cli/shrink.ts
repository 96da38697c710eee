import { runSeed, type SeedResult } from '../world/run-seed.ts'

export interface Shrunk {
  readonly result: SeedResult
  readonly leftOut: ReadonlySet<number>
  readonly runs: number
}

/** Leaves faults of a failing seed out, in ever smaller groups, for as long as it fails in the same way. */
export async function shrink(seed: number, runsMax: number): Promise<Shrunk> {
  Error.stackTraceLimit = 20
  let best = await runSeed(seed, { keepTrace: true })
  let leftOut: ReadonlySet<number> = new Set()
  let runs = 1
  for (let size = Math.ceil(best.faults.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.faults.length && runs < runsMax;) {
      const group = best.faults.slice(at, at + size).map(({ number }) => number)
      const without = new Set([...leftOut, ...group])
      const tried = await runSeed(seed, { leftOut: without, keepTrace: true })
      runs++
      if (sameFailure(tried, best)) {
        best = tried
        leftOut = without
      } else at += size
    }
  }
  return { result: best, leftOut, runs }
}

function sameFailure(a: SeedResult, b: SeedResult): boolean {
  if (a.verdict.kind !== b.verdict.kind) return false
  if (a.verdict.kind !== 'violated' || b.verdict.kind !== 'violated') return true
  const invariants = new Set(b.verdict.violations.map(({ invariant }) => invariant))
  return a.verdict.violations.some(({ invariant }) => invariants.has(invariant))
}
