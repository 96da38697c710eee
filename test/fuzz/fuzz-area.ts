/** One part of the system that is given what nobody would send or keep. */
export interface FuzzArea {
  readonly name: string
  /** Runs what the seed says; a line for each thing that must not be. */
  run(seed: number): Promise<readonly string[]>
  /** What must hold in the end. */
  finish(): Promise<readonly string[]>
  /** How much was done, in one line. */
  summary(): string
  close(): Promise<void>
}

export interface FuzzResult {
  readonly passed: number
  readonly failed: number
}

const sayEveryMs = 30_000

/**
 * Runs an area over seeds, until there are no more, time is over, or somebody wants it to end: what was done is checked all
 * the same. What fails is told to `say` at once, how far it is to `sayProgress` every half a minute.
 */
export async function runArea(
  area: FuzzArea,
  seeds: { readonly from: number; readonly to: number },
  until: { readonly endsAt?: number; readonly stop?: AbortSignal },
  say: (line: string) => void,
  sayProgress: (line: string) => void = () => undefined,
): Promise<FuzzResult> {
  let said = performance.now()
  let passed = 0
  let failed = 0
  const count = (where: string, lines: readonly string[]): void => {
    if (lines.length === 0) passed++
    else failed++
    for (const line of lines) say(`${area.name} ${where}: ${line}`)
  }
  for (let seed = seeds.from; seed <= seeds.to; seed++) {
    const now = performance.now()
    if (now >= (until.endsAt ?? Infinity) || until.stop?.aborted === true) break
    if (now - said >= sayEveryMs) {
      said = now
      sayProgress(
        `${area.name}: at seed ${seed} of ${seeds.to}, ${failed} failed; ${area.summary()}`,
      )
    }
    count(`seed ${seed}`, await area.run(seed))
  }
  count('in the end', await area.finish())
  say(`${area.name}: ${area.summary()}`)
  return { passed, failed }
}
