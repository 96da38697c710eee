import {
  TailraceError,
  systemClock,
  type AnyProjectionDef,
  type Clock,
  type ReadStore,
} from 'tailrace/adapter'
import { ListLog, recorded, type GivenEvent } from '../memory-log.ts'
import { overriding } from '../overriding.ts'
import { canonical, cleanFold } from './clean-fold.ts'
import { readBack } from './read-back.ts'
import { historyOf, scenarios, type ScenarioContext } from './scenarios.ts'

export interface VerifyOptions {
  /** The real store that the projection runs on. Versions from 900001 on are made in it and dropped. */
  readonly store: ReadStore
  /** The history to replay. */
  readonly events?: readonly GivenEvent[]
  /** Or how to make one: called with a seeded source of numbers in [0, 1). */
  readonly generator?: (random: () => number) => readonly GivenEvent[]
  /** Seeds for the generator and for the faults. Default: [1, 2, 3]. */
  readonly seeds?: readonly number[]
  /** For each run. Default: 20,000. */
  readonly timeoutMs?: number
  readonly clock?: Clock
}

export interface Verified {
  /** Runs that came to the read model of the clean fold. */
  readonly runs: number
  readonly events: number
  readonly documents: number
}

const firstVersion = 900_001

/**
 * Proves on the real store that the same events give the same read model however they arrive: repeated, in other batches,
 * with crashes before, after and between writes, and with two workers of which one is overtaken.
 * Throws `PROJECTION_DIFFERS` with the scenario, the seed and the first differences.
 */
export async function verifyProjection(
  projection: AnyProjectionDef,
  options: VerifyOptions,
): Promise<Verified> {
  const clock = options.clock ?? systemClock()
  const total = { runs: 0, events: 0, documents: 0 }
  for (const seed of options.seeds ?? [1, 2, 3]) {
    const given = options.events ?? options.generator?.(seededRandom(seed))
    if (given === undefined || given.length === 0)
      throw new TailraceError('CONFIG', 'expected events or a generator that makes some, got none')
    const log = new ListLog(recorded(given))
    const expected = await expectation(projection, log)
    for (const { name, run } of scenarios) {
      const version = firstVersion + total.runs
      const context: ScenarioContext = {
        projection: { ...projection, version },
        store: pinned(options.store),
        log,
        clock,
        random: seededRandom(seed),
        timeoutMs: options.timeoutMs ?? 20_000,
      }
      await options.store.drop(projection.name, version).catch(() => undefined)
      try {
        const found = await runScenario(context, run)
        expected.value ??= found
        compare(expected.value, found, `${name}, seed ${seed}`, projection)
        total.documents += found.size
      } finally {
        await options.store.drop(projection.name, version)
      }
      total.runs++
    }
    total.events += given.length
  }
  return total
}

/** The clean fold; the first run is what the others are compared with where the store does the folding itself. */
async function expectation(
  projection: AnyProjectionDef,
  log: ListLog,
): Promise<{ value: Map<string, string> | undefined }> {
  if (projection.shape !== 'fold') return { value: undefined }
  const fold = () =>
    new Map(
      [...cleanFold(projection, log.events)].map(([key, document]): [string, string] => [
        key,
        canonical(document),
      ]),
    )
  const value = fold()
  compare(
    value,
    fold(),
    'folded twice in memory (a handler must not use clocks, randomness or state of its own)',
    projection,
  )
  return { value }
}

async function runScenario(
  context: ScenarioContext,
  run: (context: ScenarioContext) => Promise<void>,
): Promise<Map<string, string>> {
  await run(context)
  const found = await readBack(
    context.projection,
    await context.store.open(context.projection, historyOf(context.log)),
  )
  // Parked keys are no documents of the fold; that they are parked alike is compared between runs of the store.
  if (context.projection.shape === 'fold')
    for (const key of found.keys()) if (key.startsWith('parked ')) found.delete(key)
  return found
}

/** The versions made here never go live, so that they can be dropped. */
function pinned(store: ReadStore): ReadStore {
  return overriding(store, { liveVersion: async () => 1, switchTo: async () => false })
}

const differencesMax = 5

function compare(
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  scenario: string,
  projection: AnyProjectionDef,
): void {
  const keys = [...new Set([...expected.keys(), ...found.keys()])].filter(
    (key) => expected.get(key) !== found.get(key),
  )
  if (keys.length === 0) return
  const differences = keys
    .slice(0, differencesMax)
    .map((key) => ({ key, expected: expected.get(key) ?? null, found: found.get(key) ?? null }))
  throw new TailraceError(
    'PROJECTION_DIFFERS',
    `expected projection "${projection.name}" to come to the same read model in every run, got ${keys.length} differences (${scenario}); first: ${JSON.stringify(differences[0])}`,
    { details: { scenario, differences } },
  )
}

/** mulberry32: small, good enough to vary histories, the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
