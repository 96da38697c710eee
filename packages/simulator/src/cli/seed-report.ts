import type { SeedResult } from '../world/run-seed.ts'

/** What one seed came to, as it goes from one process to another. */
export interface SeedReport {
  readonly seed: number
  /** Undefined: it passed. */
  readonly failure: string | undefined
  readonly hash: string
  readonly steps: number
  readonly virtualMs: number
  readonly commands: number
  readonly queries: number
  readonly faults: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, number>>
}

export function reportOf(result: SeedResult): SeedReport {
  const faults: Record<string, number> = {}
  for (const { kind } of result.faults) faults[kind] = (faults[kind] ?? 0) + 1
  const { seed, hash, steps, virtualMs, commands, queries, marks } = result
  return {
    seed,
    failure: failureOf(result),
    hash,
    steps,
    virtualMs,
    commands,
    queries,
    faults,
    marks,
  }
}

/** Why a seed failed, in words; undefined when it passed. */
export function failureOf({ verdict }: Pick<SeedResult, 'verdict'>): string | undefined {
  switch (verdict.kind) {
    case 'passed':
      return undefined
    case 'violated':
      return verdict.violations.map(({ invariant, text }) => `${invariant}: ${text}`).join('\n')
    case 'not-converged':
      return `not converged: ${verdict.why}`
    case 'broken':
      return `broken: ${verdict.error}`
  }
}

/** Adds counts up. */
export function addCounts(
  sum: Record<string, number>,
  more: Readonly<Record<string, number>>,
): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count
}
