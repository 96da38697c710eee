import type { Violation } from '../checker/history.ts'
import type { Fault } from '../kernel/faults.ts'
import type { TraceLine } from '../kernel/trace.ts'
import { Simulation } from '../kernel/simulation.ts'
import { askAboutBus } from '../bus/bus-at-rest.ts'
import { checkWorld } from './check-world.ts'
import { unsettled } from './convergence.ts'
import { Nemesis } from './nemesis.ts'
import { settleWhatFailed } from './operator.ts'
import { wrongStatus } from './status-at-rest.ts'
import { swarmOf, type Swarm } from './swarm.ts'
import { World } from './world.ts'

export type Verdict =
  | { readonly kind: 'passed' }
  /** Something happened that must never happen. */
  | { readonly kind: 'violated'; readonly violations: readonly Violation[] }
  /** After everything was healed, the world did not come to rest. */
  | { readonly kind: 'not-converged'; readonly why: string }
  /** Something threw where nothing may throw. */
  | { readonly kind: 'broken'; readonly error: string }

export interface SeedResult {
  readonly seed: number
  readonly verdict: Verdict
  /** Equal for two runs of a seed: the same happened, bit by bit. */
  readonly hash: string
  readonly steps: number
  readonly virtualMs: number
  readonly faults: readonly Fault[]
  readonly marks: Readonly<Record<string, number>>
  readonly lines: readonly TraceLine[]
  readonly commands: number
  readonly queries: number
}

export interface SeedOptions {
  readonly leftOut?: ReadonlySet<number>
  readonly keepTrace?: boolean
  readonly swarm?: Swarm
}

/** Virtual time that a healed world has to come to rest. */
const convergenceMs = 60_000
const stepsMax = 400_000

/** Runs one world from its seed: a phase in which things go wrong, one in which they must come right, and the checks. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const simulation = new Simulation({ seed, ...options })
  const world = new World(simulation, options.swarm ?? swarmOf(seed))
  let thrown: unknown
  const onThrow = (error: unknown): void => {
    thrown ??= error ?? new Error('thrown without a reason')
  }
  process.on('unhandledRejection', onThrow)
  let verdict: Verdict
  try {
    verdict = await live(world, () => thrown)
  } catch (error) {
    verdict = { kind: 'broken', error: textOf(error) }
  } finally {
    process.off('unhandledRejection', onThrow)
  }
  if (thrown !== undefined) verdict = { kind: 'broken', error: textOf(thrown) }
  const queries = world.operations.filter(({ kind }) => kind === 'query').length
  return {
    seed,
    verdict,
    hash: simulation.trace.hash,
    steps: simulation.kernel.steps,
    virtualMs: simulation.kernel.nowMs,
    faults: simulation.faults.happened,
    marks: simulation.marks.reached,
    lines: simulation.trace.lines,
    commands: world.operations.length - queries,
    queries,
  }
}

async function live(world: World, thrown: () => unknown): Promise<Verdict> {
  const { simulation, swarm } = world
  const { kernel } = simulation
  const nemesis = new Nemesis(world)
  for (const node of world.nodes) node.start()
  world.startClients()
  world.team?.start()
  nemesis.plan()
  if (swarm.settleAtMs !== undefined)
    kernel.after(swarm.settleAtMs, 'operator', () => void settleWhatFailed(world))
  await kernel.run(() => thrown() !== undefined, swarm.durationMs, stepsMax)
  nemesis.heal()
  if (swarm.settleAtMs === undefined) void settleWhatFailed(world)
  let why: string | undefined
  let looked = Number.NEGATIVE_INFINITY
  const settled = (): boolean => {
    if (thrown() !== undefined) return true
    if (kernel.nowMs - looked < 10) return false
    looked = kernel.nowMs
    why = unsettled(world)
    return why === undefined
  }
  const end = await kernel.run(settled, kernel.nowMs + convergenceMs, stepsMax)
  if (end !== 'done') return { kind: 'not-converged', why: `${why ?? 'it never looked'} (${end})` }
  const unanswered = await askEverything(world, thrown)
  if (unanswered !== undefined) return { kind: 'not-converged', why: unanswered }
  const strange = await askAboutBus(world, thrown)
  if (strange !== undefined) return { kind: 'not-converged', why: strange }
  const status = await wrongStatus(world, thrown)
  if (status !== undefined) return { kind: 'not-converged', why: status }
  const stopping = await stopAll(world, thrown)
  if (stopping !== undefined) return { kind: 'not-converged', why: stopping }
  const violations = await checkWorld(world)
  for (const { text } of violations) simulation.trace.mark(text)
  return violations.length === 0 ? { kind: 'passed' } : { kind: 'violated', violations }
}

/** At rest, every session gets a fresh answer to every question. */
async function askEverything(world: World, thrown: () => unknown): Promise<string | undefined> {
  const { kernel } = world.simulation
  let done = 0
  for (const session of world.sessions) void session.askEverything().then(() => done++)
  const end = (): boolean => done === world.sessions.length || thrown() !== undefined
  if ((await kernel.run(end, kernel.nowMs + 30_000, stepsMax)) !== 'done')
    return 'a question is not answered'
  return world.unanswered[0]
}

/** Every process ends when it is asked to. */
async function stopAll(world: World, thrown: () => unknown): Promise<string | undefined> {
  const { kernel } = world.simulation
  let stopped = 0
  let slow: string | undefined
  for (const node of world.nodes)
    void node.stop(20_000).then((inTime) => {
      stopped++
      if (!inTime) slow = node.name
    })
  const done = (): boolean => stopped === world.nodes.length || thrown() !== undefined
  await kernel.run(done, kernel.nowMs + 25_000, stepsMax)
  return slow === undefined ? undefined : `${slow} did not stop`
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
