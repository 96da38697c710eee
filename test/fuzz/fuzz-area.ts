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

/** Runs an area over seeds, until there are no more or time is over. What fails is told at once. */
export async function runArea(
  area: FuzzArea,
  seeds: { readonly from: number; readonly to: number },
  endsAt: number,
  say: (line: string) => void,
): Promise<FuzzResult> {
  let passed = 0
  let failed = 0
  const count = (where: string, lines: readonly string[]): void => {
    if (lines.length === 0) passed++
    else failed++
    for (const line of lines) say(`${area.name} ${where}: ${line}`)
  }
  for (let seed = seeds.from; seed <= seeds.to && performance.now() < endsAt; seed++)
    count(`seed ${seed}`, await area.run(seed))
  count('in the end', await area.finish())
  say(`${area.name}: ${area.summary()}`)
  return { passed, failed }
}
