import { TailraceError } from '../errors.ts'
import type { Reader } from '../ports/reader.ts'
import { checkPolicy, type Actor, type Policy } from './actor.ts'
import type { CallExample } from './call-example.ts'
import { checkOptions, checkSchema, type OptionsOf } from './check-declaration.ts'
import { durationMs, type Duration } from './duration.ts'
import type { ProjectionDef } from './projection.ts'
import { shownValue } from './shown-value.ts'
import type { AnySchema, In, Out } from './standard-schema.ts'

// oxlint-disable-next-line typescript/no-explicit-any
export type ReadSet = Readonly<Record<string, ProjectionDef<any, any, any>>>

/** One reader per declared projection. */
export type Readers<P extends ReadSet> = {
  readonly [K in keyof P]: P[K] extends ProjectionDef<string, infer Shape, infer Doc>
    ? Reader<Shape, Doc>
    : never
}

/** How fresh an answer must be, and how long it may wait for that. */
export type Freshness =
  | { readonly mode: 'eventual'; readonly waitMs: number; readonly reuseMs?: number }
  | { readonly mode: 'bounded'; readonly maxLagMs: number; readonly waitMs: number }
  | { readonly mode: 'strict'; readonly waitMs: number }

/**
 * Answers from what is there. `wait` bounds the waiting for a caller's token. Default: 1 s; at most 5 s. `reuse`: for so
 * long one answer may serve the same question of the same caller again, without running the query, while none of its
 * read models has moved. Default: not at all; at most 1 s.
 */
export function eventual(
  options: { readonly wait?: Duration; readonly reuse?: Duration } = {},
): Freshness {
  const waitMs = durationMs(options.wait ?? '1s')
  if (options.reuse === undefined) return { mode: 'eventual', waitMs }
  return { mode: 'eventual', waitMs, reuseMs: Math.min(1_000, durationMs(options.reuse)) }
}

/** Fails with NOT_CAUGHT_UP when the lag is above `maxLag` and does not fall below it within `wait`. Default wait: 0. */
export function bounded(maxLag: Duration, options: { readonly wait?: Duration } = {}): Freshness {
  return {
    mode: 'bounded',
    maxLagMs: durationMs(maxLag),
    waitMs: durationMs(options.wait ?? '0ms'),
  }
}

/** Waits for the head of the log as it was when the query came; fails with NOT_CAUGHT_UP after `wait`. Default: 1 s. */
export function strict(options: { readonly wait?: Duration } = {}): Freshness {
  return { mode: 'strict', waitMs: durationMs(options.wait ?? '1s') }
}

export interface QueryContext {
  /** The asking identity; `undefined` only under the policy `'anyone'`. */
  readonly actor: Actor
  /** Aborted when the caller is gone or the deadline has passed. */
  readonly signal: AbortSignal
  /** The database's time now, RFC 3339 UTC, for filters such as "late". */
  readonly now: string
}

export interface QuerySpec<S extends AnySchema, P extends ReadSet, O> {
  readonly input: S
  readonly reads: P
  readonly may: Policy<{ readonly input: Out<S> }>
  /** Default: `eventual()`. */
  readonly freshness?: Freshness
  /** Schema of the data, for OpenAPI. Answers are checked against it in tests, not at run time. */
  readonly output?: AnySchema
  readonly run: (readers: Readers<P>, input: Out<S>, context: QueryContext) => Promise<O>
  /** Questions that work, for the generated documentation: asked after the examples of the commands have run. */
  readonly examples?: readonly CallExample<In<S>>[]
}

const options: OptionsOf<QuerySpec<AnySchema, ReadSet, unknown>> = {
  input: 'required',
  reads: 'required',
  may: 'required',
  freshness: 'optional',
  output: 'optional',
  run: 'required',
  examples: 'optional',
}

export interface QueryDef<N extends string = string, I = unknown, O = unknown> {
  readonly kind: 'query'
  readonly name: N
  readonly input: AnySchema
  readonly output: AnySchema | undefined
  readonly reads: ReadSet
  readonly may: Policy<{ readonly input: unknown }>
  readonly freshness: Freshness
  readonly run: (readers: never, input: never, context: QueryContext) => Promise<unknown>
  readonly examples: readonly CallExample<I>[]
  readonly of?: { readonly input: I; readonly output: O }
}

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyQueryDef = QueryDef<any, any, any>

/** Declares a query: input, the projections that it reads (one at least), who may ask, and how fresh the answer must be. */
export function query<const N extends string, S extends AnySchema, const P extends ReadSet, O>(
  name: N,
  spec: QuerySpec<S, P, O>,
): QueryDef<N, In<S>, O> {
  const of = `query "${name}"`
  checkOptions('APP_DECLARATION', of, spec, options)
  checkSchema('APP_DECLARATION', `the input of ${of}`, spec.input)
  checkPolicy('APP_DECLARATION', of, spec.may)
  if (spec.freshness !== undefined && typeof spec.freshness.waitMs !== 'number')
    throw new TailraceError(
      'APP_DECLARATION',
      `expected "freshness" of ${of} to be eventual(…), bounded(…) or strict(…), got ${shownValue(spec.freshness)}`,
    )
  return {
    kind: 'query',
    name,
    input: spec.input,
    output: spec.output,
    reads: spec.reads,
    may: spec.may as AnyQueryDef['may'],
    freshness: spec.freshness ?? eventual(),
    run: spec.run as AnyQueryDef['run'],
    examples: spec.examples ?? [],
  }
}
