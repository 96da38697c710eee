import { judge } from '../declare/actor.ts'
import type { App } from '../declare/app.ts'
import type { AnyQueryDef, QueryContext } from '../declare/query.ts'
import { validate } from '../declare/standard-schema.ts'
import { isTailraceError, nearest, TailraceError } from '../errors.ts'
import type { ReadSnapshot } from '../ports/read-store.ts'
import { streamKey } from '../project/plan-batch.ts'
import type { QueryOptions, QueryOutcome, QueryRefusalCode } from '../run/engine.ts'
import { answerMeta, lowestPosition } from './answer-meta.ts'
import { BoundedRuns, RunSignal } from './bounded-runs.ts'
import { catchUp, wantedFreshness, type CaughtUp } from './caught-up.ts'
import type { Freshness } from './freshness.ts'
import type { ReadMetrics } from './metrics.ts'
import type { ProjectionView } from './projection-view.ts'
import type { TokenPositions } from './token-positions.ts'
import { encodeToken } from './token.ts'
import { trackedReader, type Touched } from './tracked-reader.ts'

export interface QueryRunnerOptions {
  readonly app: App
  readonly freshness: Freshness
  readonly tokens: TokenPositions
  readonly metrics: ReadMetrics
  /** How long a query may run, after its waiting. Default: 30,000. */
  readonly runMs?: number | undefined
}

type Refusal = Extract<QueryOutcome, { kind: 'refused' }>

const retryAfterMs = 1_000
const refusals: ReadonlySet<string> = new Set<QueryRefusalCode>([
  'INVALID_TOKEN',
  'TOKEN_OF_ANOTHER_HISTORY',
  'TOO_MANY_WAITERS',
  'CURSOR_INVALID',
])

/** Answers queries from read stores. Nothing here asks the write database: what is known of it, the poller has seen. */
export class QueryRunner {
  readonly #options: QueryRunnerOptions
  readonly #runs: BoundedRuns

  constructor(options: QueryRunnerOptions) {
    this.#options = options
    this.#runs = new BoundedRuns({
      clock: options.freshness.clock,
      limitMs: options.runMs ?? 30_000,
    })
  }

  /** Refusals are values. Throws `QUERY_FAILED` when the query threw, `UNAVAILABLE` when its store did not answer. */
  async query(name: string, input: unknown, options: QueryOptions = {}): Promise<QueryOutcome> {
    const { app, freshness, metrics } = this.#options
    const declared = Object.hasOwn(app.queries, name) ? app.queries[name] : undefined
    if (declared === undefined)
      return refused(
        'QUERY_UNKNOWN',
        `expected a query of the app, got "${name}"${nearest(name, Object.keys(app.queries))}`,
      )
    const validated = await validate(declared.input, input)
    if (!validated.ok)
      return {
        ...refused('INPUT_INVALID', `expected an input that fits query "${name}"`),
        issues: validated.issues,
      }
    const verdict = judge(declared.may, options.actor, () => ({
      input: validated.value as unknown,
    }))
    if (verdict === 'not-authenticated')
      return refused('NOT_AUTHENTICATED', `expected an identity for query "${name}", got none`)
    if (verdict === 'not-allowed')
      return refused('NOT_ALLOWED', `expected an actor who may ask query "${name}"`)
    freshness.queried()
    try {
      const caughtUp = await this.#catchUp(declared, options)
      if (!caughtUp.reached && caughtUp.required) return notCaughtUp(declared, caughtUp.waitedMs)
      const outcome = await this.#answer(declared, validated.value, options, caughtUp)
      metrics.answered(outcome.meta.lagMs)
      return outcome
    } catch (error) {
      if (isTailraceError(error) && refusals.has(error.code)) return refusalOf(error)
      throw error
    }
  }

  async #catchUp(declared: AnyQueryDef, options: QueryOptions): Promise<CaughtUp> {
    const wanted = wantedFreshness(declared.freshness, options)
    if (wanted.mode === 'eventual' && (options.tokens ?? []).length === 0)
      return { reached: true, position: 0n, required: false, waitedMs: 0, aborted: false }
    const { freshness, tokens, metrics } = this.#options
    const projections = [...new Set(Object.values(declared.reads).map((read) => read.name))]
    const caughtUp = await catchUp(freshness, tokens, projections, wanted, options)
    metrics.waited(
      caughtUp.aborted ? 'aborted' : caughtUp.reached ? 'reached' : 'timeout',
      caughtUp.waitedMs,
    )
    return caughtUp
  }

  async #answer(
    declared: AnyQueryDef,
    input: unknown,
    options: QueryOptions,
    caughtUp: CaughtUp,
  ): Promise<Extract<QueryOutcome, { kind: 'answer' }>> {
    const { freshness } = this.#options
    const opened: OpenRead[] = []
    try {
      const reads = Object.entries(declared.reads)
      for (const [property, { name }] of reads)
        opened.push(await openRead(freshness, property, name, reads.length === 1))
      const readers = Object.fromEntries(
        opened.map(({ property, reader, touched }) => [property, trackedReader(reader, touched)]),
      )
      const signal = new RunSignal(options.signal)
      const context: QueryContext = {
        actor: options.actor as QueryContext['actor'],
        now: new Date(freshness.head.nowMs()).toISOString(),
        get signal() {
          return signal.signal
        },
      }
      const data = await this.#runs.run(`query "${declared.name}"`, signal, () =>
        runDeclared(declared, readers, input, context),
      )
      const views = opened.map(({ view }) => view)
      const meta = answerMeta({
        views,
        behindToken: !caughtUp.reached,
        parked: await parkedTouched(freshness, opened),
      })
      const { systemId, epoch } = freshness.head.identity
      const token = encodeToken({
        systemId,
        epoch,
        kind: 'position',
        // Slots that a token did not ask for may be behind; its holder must not have to carry it on.
        value: highest(lowestPosition(views), caughtUp.position),
        slots: [],
      })
      return { kind: 'answer', data, meta, token, waitedMs: caughtUp.waitedMs }
    } finally {
      for (const { snapshot } of opened) snapshot?.release()
    }
  }
}

interface OpenRead {
  readonly property: string
  readonly reader: unknown
  readonly snapshot: ReadSnapshot | undefined
  readonly touched: Touched
  /** Taken before anything is read: never newer than the data. */
  readonly view: ProjectionView
}

/**
 * A query of one read model reads from a snapshot, which makes its position exact. One of several does not: their snapshots
 * would hold several connections of one pool, and queries could wait for each other's for ever.
 */
async function openRead(
  freshness: Freshness,
  property: string,
  name: string,
  alone: boolean,
): Promise<OpenRead> {
  const watch = freshness.watch(name)
  if (watch.store === undefined) await watch.look()
  const { store } = watch
  if (store === undefined) {
    throw new TailraceError(
      'UNAVAILABLE',
      `expected the read model of projection "${name}" in store "${watch.readStore.name}", got ${watch.failure ?? 'no answer'}`,
      { retryable: true },
    )
  }
  const snapshot = alone ? await store.snapshot?.() : undefined
  const view = freshness.view(name, snapshot?.checkpoints)
  return {
    property,
    reader: snapshot?.reader ?? store.reader(),
    snapshot,
    touched: { keys: new Set(), broad: false },
    view,
  }
}

async function runDeclared(
  declared: AnyQueryDef,
  readers: object,
  input: unknown,
  context: QueryContext,
): Promise<unknown> {
  try {
    return await declared.run(readers as never, input as never, context)
  } catch (error) {
    if (isTailraceError(error)) throw error
    throw new TailraceError(
      'QUERY_FAILED',
      `expected query "${declared.name}" to answer, got ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

/** Keys are named only when the query asked for them: others may not be the caller's to know. */
async function parkedTouched(
  freshness: Freshness,
  opened: readonly OpenRead[],
): Promise<Record<string, readonly string[]>> {
  const parked: Record<string, readonly string[]> = {}
  for (const { view, touched } of opened) {
    if (view.parkedKeys === 0) continue
    const asked = [...touched.keys].slice(0, 1_000)
    const found =
      asked.length === 0
        ? []
        : await freshness
            .watch(view.name)
            .store!.parked(asked.flatMap((key) => [key, streamKey(key)]))
    const names = new Set(found.map(({ key }) => key))
    const mine = asked.filter((key) => names.has(key) || names.has(streamKey(key)))
    if (mine.length > 0 || touched.broad) parked[view.name] = mine
  }
  return parked
}

function highest(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function refused(code: QueryRefusalCode, message: string): Refusal {
  return { kind: 'refused', code, message }
}

function refusalOf(error: TailraceError): Refusal {
  const refusal = refused(error.code as QueryRefusalCode, error.message)
  return error.retryable ? { ...refusal, retryAfterMs } : refusal
}

function notCaughtUp(declared: AnyQueryDef, waitedMs: number): Refusal {
  const names = Object.values(declared.reads).map((read) => `"${read.name}"`)
  return {
    ...refused(
      'NOT_CAUGHT_UP',
      `expected projections ${names.join(', ')} to catch up, got not that far in ${Math.round(waitedMs)} ms; ask again or accept a stale answer`,
    ),
    retryAfterMs,
  }
}
