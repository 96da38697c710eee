import { judge, reasonOf, type Actor, type PolicyVerdict } from '../declare/actor.ts'
import type { App } from '../declare/app.ts'
import type { AnyQueryDef, QueryContext } from '../declare/query.ts'
import { validate } from '../declare/standard-schema.ts'
import { isTailraceError, nearest, TailraceError } from '../errors.ts'
import type { QueryOptions, QueryOutcome, QueryRefusalCode } from '../run/engine.ts'
import { answerMeta, lowestPosition } from './answer-meta.ts'
import { BoundedRuns, RunSignal } from './bounded-runs.ts'
import { catchUp, wantedFreshness, type CaughtUp } from './caught-up.ts'
import type { Freshness } from './freshness.ts'
import type { ReadMetrics } from './metrics.ts'
import { openReads, parkedTouched, shownAtMost, type OpenRead } from './open-read.ts'
import type { TokenPositions } from './token-positions.ts'
import { encodeToken } from './token.ts'

export interface QueryRunnerOptions {
  readonly app: App
  readonly freshness: Freshness
  readonly tokens: TokenPositions
  readonly metrics: ReadMetrics
  /** How long a query may run, after its waiting. Default: 30,000. */
  readonly runMs?: number | undefined
}

type AnswerOutcome = Extract<QueryOutcome, { kind: 'answer' }>
type Refusal = Extract<QueryOutcome, { kind: 'refused' }>

const retryAfterMs = 1_000
const refusals: ReadonlySet<string> = new Set<QueryRefusalCode>([
  'INVALID_TOKEN',
  'TOKEN_OF_ANOTHER_HISTORY',
  'TOO_MANY_WAITERS',
  'CURSOR_INVALID',
])

/** What is known of a query before it is asked. */
interface Prepared {
  readonly declared: AnyQueryDef
  readonly reads: readonly (readonly [property: string, projection: string])[]
}

function prepare(declared: AnyQueryDef): Prepared {
  return {
    declared,
    reads: Object.entries(declared.reads).map(([property, { name }]) => [property, name] as const),
  }
}

/** Answers queries from read stores. Nothing here asks the write database: what is known of it, the poller has seen. */
export class QueryRunner {
  readonly #options: QueryRunnerOptions
  readonly #runs: BoundedRuns
  readonly #prepared: ReadonlyMap<string, Prepared>
  #lastToken:
    | {
        readonly value: bigint
        readonly epoch: number
        readonly systemId: string
        readonly text: string
      }
    | undefined

  constructor(options: QueryRunnerOptions) {
    this.#options = options
    this.#prepared = new Map(
      Object.values(options.app.queries).map((declared) => [declared.name, prepare(declared)]),
    )
    this.#runs = new BoundedRuns({
      clock: options.freshness.clock,
      limitMs: options.runMs ?? 30_000,
    })
  }

  /** Refusals are values. Throws `QUERY_FAILED` when the query threw, `UNAVAILABLE` when its store did not answer. */
  async query(name: string, input: unknown, options: QueryOptions = {}): Promise<QueryOutcome> {
    const { app, freshness, metrics } = this.#options
    const prepared = this.#prepared.get(name)
    if (prepared === undefined)
      return refused(
        'QUERY_UNKNOWN',
        `expected a query of the app, got "${name}"${nearest(name, Object.keys(app.queries))}`,
      )
    const { declared } = prepared
    const validated = await validate(declared.input, input)
    if (!validated.ok)
      return {
        ...refused('INPUT_INVALID', `expected an input that fits query "${name}"`),
        issues: validated.issues,
      }
    const verdict = judged(declared, options.actor, validated.value)
    if (verdict === 'not-authenticated')
      return refused('NOT_AUTHENTICATED', `expected an identity for query "${name}", got none`)
    if (verdict !== 'allowed')
      return refused(
        'NOT_ALLOWED',
        `expected an actor who may ask query "${name}"${reasonOf(verdict)}`,
      )
    freshness.queried()
    try {
      const caughtUp = await this.#catchUp(prepared, options)
      if (!caughtUp.reached && caughtUp.required) return notCaughtUp(declared, caughtUp.waitedMs)
      const outcome = await this.#answer(prepared, validated.value, options, caughtUp)
      metrics.answered(outcome.meta.lagMs)
      return outcome
    } catch (error) {
      if (isTailraceError(error) && refusals.has(error.code)) return refusalOf(error)
      throw error
    }
  }

  async #catchUp({ declared, reads }: Prepared, options: QueryOptions): Promise<CaughtUp> {
    const wanted = wantedFreshness(declared.freshness, options)
    if (wanted.mode === 'eventual' && (options.tokens ?? []).length === 0)
      return { reached: true, position: 0n, required: false, waitedMs: 0, aborted: false }
    const { freshness, tokens, metrics } = this.#options
    const projections = [...new Set(reads.map(([, projection]) => projection))]
    const caughtUp = await catchUp(freshness, tokens, projections, wanted, options)
    metrics.waited(
      caughtUp.aborted ? 'aborted' : caughtUp.reached ? 'reached' : 'timeout',
      caughtUp.waitedMs,
    )
    return caughtUp
  }

  /** Opening belongs to the run: a store that does not answer must not keep the caller either. */
  #answer(
    prepared: Prepared,
    input: unknown,
    options: QueryOptions,
    caughtUp: CaughtUp,
  ): Promise<AnswerOutcome> {
    const signal = new RunSignal(options.signal)
    return this.#runs.run(prepared.declared.name, signal, () =>
      this.#read(prepared, input, options, caughtUp, signal),
    )
  }

  async #read(
    { declared, reads }: Prepared,
    input: unknown,
    options: QueryOptions,
    caughtUp: CaughtUp,
    signal: RunSignal,
  ): Promise<AnswerOutcome> {
    const { freshness } = this.#options
    let opened: readonly OpenRead[] = []
    try {
      opened = await openReads(
        freshness,
        reads.map(([, name]) => name),
      )
      const readers = Object.fromEntries(
        reads.map(([property], i) => [property, opened[i]!.reader]),
      )
      const context = new RunContext(options.actor, signal, freshness)
      const data = await runDeclared(declared, readers, input, context)
      const views = opened.map(({ view }) => view)
      const parked = await parkedTouched(freshness, opened)
      const meta = answerMeta({ views, behindToken: !caughtUp.reached, parked })
      const differs = opened.some(({ othersMayDiffer }) => othersMayDiffer)
      const shown = differs ? await shownAtMost(freshness, opened) : 0n
      // Slots that a token did not ask for may be behind; its holder must not have to carry it on.
      const token = this.#token(highest(highest(lowestPosition(views), caughtUp.position), shown))
      return { kind: 'answer', data, meta, token, waitedMs: caughtUp.waitedMs }
    } finally {
      for (const { snapshot } of opened) snapshot?.release()
    }
  }

  /** Most answers between two moves have the same one. */
  #token(value: bigint): string {
    const { systemId, epoch } = this.#options.freshness.head.identity
    const last = this.#lastToken
    if (last?.value === value && last.epoch === epoch && last.systemId === systemId)
      return last.text
    const text = encodeToken({ systemId, epoch, kind: 'position', value, slots: [] })
    this.#lastToken = { value, epoch, systemId, text }
    return text
  }
}

/** What a query knows of its call. Time is written out only for those who ask. */
class RunContext implements QueryContext {
  readonly actor: QueryContext['actor']
  readonly #signal: RunSignal
  readonly #freshness: Freshness

  constructor(actor: QueryOptions['actor'], signal: RunSignal, freshness: Freshness) {
    // Only the policy 'anyone' lets a query run without one, and its context says so.
    this.actor = actor as QueryContext['actor']
    this.#signal = signal
    this.#freshness = freshness
  }

  get signal(): AbortSignal {
    return this.#signal.signal
  }

  get now(): string {
    return new Date(this.#freshness.head.nowMs()).toISOString()
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
    throw queryFailed(declared, error)
  }
}

/** A policy that throws, or gives neither true nor false, lets nobody pass. */
function judged(declared: AnyQueryDef, actor: Actor | undefined, input: unknown): PolicyVerdict {
  try {
    return judge(declared.may, actor, () => ({ input }), declared)
  } catch (error) {
    throw queryFailed(declared, error)
  }
}

function queryFailed({ name }: AnyQueryDef, cause: unknown): TailraceError {
  const got = cause instanceof Error ? cause.message : String(cause)
  return new TailraceError('QUERY_FAILED', `expected query "${name}" to answer, got ${got}`, {
    cause,
  })
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
