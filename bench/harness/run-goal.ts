import type { Lab } from '../engines/lab.ts'
import { median } from './closed-loop.ts'
import { Foreign, untilQuiet } from './quiet.ts'
import { profiled } from './profile.ts'
import type { Goal, GoalResult, Measured, PreparedGoal } from './goal.ts'

interface Round {
  readonly product: Measured
  readonly ceiling: Measured
  readonly compared: Readonly<Record<string, number>>
  /** Share of all cores that others used meanwhile. */
  readonly foreign: number | undefined
}

/** Other work on this machine is waited out for so long before each round. */
const patienceMs = 30_000

export interface RunOptions {
  readonly rounds: number
  /** Writes a CPU profile of one more window of the product into this folder. */
  readonly profileInto: string | undefined
  readonly progress: (text: string) => void
}

/**
 * Runs a goal: one warm-up of each side, then rounds in which product and ceiling alternate and take turns at going first.
 * The ratio is that of the same round; the answer is the median of the ratios with the lowest and the highest.
 */
export async function runGoal(
  goal: Goal,
  lab: Lab,
  { rounds: roundsAsked, profileInto, progress }: RunOptions,
): Promise<GoalResult> {
  progress(`${goal.id} preparing`)
  const prepared = await goal.prepare(lab)
  const rounds = goal.rounds ?? roundsAsked
  const done: Round[] = []
  try {
    await prepared.product(-1)
    await prepared.ceiling(-1)
    for (let n = 0; n < rounds; n++) {
      const round = await runRound(prepared, lab, n)
      done.push(round)
      progress(
        `${goal.id} round ${n + 1} of ${rounds}: ${format(round.product.value)} against ${format(round.ceiling.value)} ${goal.unit}${disturbed(round)}`,
      )
    }
    if (profileInto !== undefined)
      await profiled(profileInto, goal.id, () => prepared.product(rounds))
  } finally {
    await prepared.close()
  }
  return summary(goal, done)
}

async function runRound(prepared: PreparedGoal, lab: Lab, n: number): Promise<Round> {
  await untilQuiet(lab.serverPids(), patienceMs)
  const others = new Foreign(lab.serverPids())
  const first = n % 2 === 0 ? await prepared.ceiling(n) : undefined
  const product = await prepared.product(n)
  const ceiling = first ?? (await prepared.ceiling(n))
  const compared = prepared.compare?.(product, ceiling) ?? {}
  return { product, ceiling, compared, foreign: others.share() }
}

function summary(goal: Goal, rounds: readonly Round[]): GoalResult {
  const ratios = rounds
    .map(({ product, ceiling }) => product.value / ceiling.value)
    .toSorted((a, b) => a - b)
  const ratio = median(ratios)
  const middle = (of: (round: Round) => number | undefined): number =>
    round3(median(rounds.map(of).filter((value) => value !== undefined)))
  const also = {
    ...middles(rounds.map(({ product }) => product.also ?? {})),
    ...middles(
      rounds.map(({ ceiling }) => ceiling.also ?? {}),
      'ceiling ',
    ),
    ...middles(rounds.map(({ compared }) => compared)),
  }
  const held = goal.sense === 'at-least' ? ratio >= goal.target : ratio <= goal.target
  return {
    id: goal.id,
    name: goal.name,
    product: middle(({ product }) => product.value),
    ceiling: middle(({ ceiling }) => ceiling.value),
    ratio: round3(ratio),
    lo: round3(ratios[0]!),
    hi: round3(ratios.at(-1)!),
    target: goal.target,
    cpuUsPerOp: middle(({ product }) => product.cpuUsPerOp),
    ceilingCpuUsPerOp: middle(({ ceiling }) => ceiling.cpuUsPerOp),
    rounds: rounds.length,
    foreignCpu: middle(({ foreign }) => foreign),
    reached:
      held && Object.entries(goal.limits ?? {}).every(([name, limit]) => holds(also[name], limit)),
    sense: goal.sense,
    unit: goal.unit,
    ceilingName: goal.ceilingName,
    also,
  }
}

function disturbed({ foreign }: Round): string {
  return foreign === undefined || foreign < 0.1
    ? ''
    : `; others used ${Math.round(foreign * 100)} % of the cores`
}

function holds(
  value: number | undefined,
  limit: { readonly atMost: number } | { readonly atLeast: number },
): boolean {
  if (value === undefined) return false
  return 'atMost' in limit ? value <= limit.atMost : value >= limit.atLeast
}

/** The median of each named figure. */
function middles(
  each: readonly Readonly<Record<string, number>>[],
  prefix = '',
): Record<string, number> {
  const names = [...new Set(each.flatMap((figures) => Object.keys(figures)))]
  return Object.fromEntries(
    names.map((name) => [
      prefix + name,
      round3(median(each.map((figures) => figures[name] ?? Number.NaN))),
    ]),
  )
}

/** A figure with three significant digits, or whole with separators. */
export function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
