import { nearest, TailraceError } from '../errors.ts'
import {
  checkChoice,
  checkEventList,
  checkOptions,
  checkSchema,
  type OptionsOf,
} from './check-declaration.ts'
import { durationMs, type Duration } from './duration.ts'
import type { AnyEnvelopeOf, Envelope } from './envelope.ts'
import type { AnyEventDef, EventData, EventName } from './event.ts'
import { shownValue } from './shown-value.ts'
import type { AnySchema, Out } from './standard-schema.ts'

/**
 * Events that a projection leaves out must be left out aloud: `otherwise: 'ignore'`. By what `otherwise` says, `on` has one
 * type and not two to choose from: the compiler then names the event that has no handler, and nothing besides.
 */
interface Handlers<Handler extends Record<string, unknown>, O extends Otherwise> {
  readonly on: O extends 'ignore' ? Partial<Handler> : Handler
  readonly otherwise?: O
}

type Otherwise = 'ignore' | undefined

interface Common<E extends readonly AnyEventDef[]> {
  /** Counts up when the handlers or the document change; part of every physical name. From 1. */
  readonly version: number
  readonly from: E
  /**
   * `'stream'`: every document belongs to one stream (default), so slots run in parallel. `'log'`: documents mix
   * streams; one owner runs the whole log in order.
   */
  readonly scope?: 'stream' | 'log'
  readonly lag?: { readonly slo: Duration }
}

export interface Lookup<Doc> {
  /**
   * Field lists that queries filter and sort by; each becomes an index where the store has indexes. Some stores find by
   * declared lists alone: fields that equal a value first, in any order, then the fields of the sort, all of the list.
   */
  readonly by?: readonly (readonly (keyof Doc & string)[])[]
  /** Fields searched by `find({ text })`. */
  readonly text?: readonly (keyof Doc & string)[]
}

export type FoldSpec<
  E extends readonly AnyEventDef[],
  S extends AnySchema,
  O extends Otherwise,
> = Common<E> & {
  readonly document: S
  /** The key, or keys, of the documents that an event touches. */
  readonly key: (event: AnyEnvelopeOf<E>) => string | readonly string[]
  readonly lookup?: Lookup<Out<S>>
} & Handlers<
    /** (event, document so far) → the new document; `null` deletes, `undefined` changes nothing. Pure: no clock, no randomness. */
    {
      readonly [N in EventName<E>]: (
        event: Envelope<N, EventData<E, N>>,
        document: Readonly<Out<S>> | undefined,
        key: string,
      ) => Out<S> | null | undefined
    },
    O
  >

export type RowsSpec<
  E extends readonly AnyEventDef[],
  S extends AnySchema,
  O extends Otherwise,
> = Common<E> & {
  readonly row: S
} & Handlers<
    /** event → rows to append, each identified by (position, ordinal). Pure. */
    { readonly [N in EventName<E>]: (event: Envelope<N, EventData<E, N>>) => readonly Out<S>[] },
    O
  >

/** The transaction that a sql projection writes with; `$table` names are resolved by `table(name)`. */
export interface ProjectionTransaction {
  query<Row = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }>
  /** The physical, quoted name of a declared table of this projection version. */
  table(name: string): string
}

export type SqlSpec<E extends readonly AnyEventDef[], O extends Otherwise> = Common<E> & {
  /** Tables of the projection: name → column definitions and constraints, as inside CREATE TABLE (…). */
  readonly tables: Readonly<Record<string, string>>
  /** Further statements run once after the tables exist, such as CREATE INDEX. `$name` stands for a declared table. */
  readonly setup?: readonly string[]
  /** The key that a failing event parks. Default: the stream. */
  readonly key?: (event: AnyEnvelopeOf<E>) => string
} & Handlers<
    {
      readonly [N in EventName<E>]: (
        event: Envelope<N, EventData<E, N>>,
        tx: ProjectionTransaction,
      ) => Promise<void>
    },
    O
  >

const common = {
  version: 'required',
  from: 'required',
  scope: 'optional',
  lag: 'optional',
  on: 'required',
  otherwise: 'optional',
} as const
const options: {
  readonly fold: OptionsOf<FoldSpec<readonly AnyEventDef[], AnySchema, Otherwise>>
  readonly rows: OptionsOf<RowsSpec<readonly AnyEventDef[], AnySchema, Otherwise>>
  readonly sql: OptionsOf<SqlSpec<readonly AnyEventDef[], Otherwise>>
} = {
  fold: { ...common, document: 'required', key: 'required', lookup: 'optional' },
  rows: { ...common, row: 'required' },
  sql: { ...common, tables: 'required', setup: 'optional', key: 'optional' },
}

export interface ProjectionDef<
  N extends string = string,
  Shape extends 'fold' | 'rows' | 'sql' = 'fold' | 'rows' | 'sql',
  Doc = unknown,
> {
  readonly kind: 'projection'
  readonly name: N
  readonly shape: Shape
  readonly version: number
  readonly from: readonly AnyEventDef[]
  readonly scope: 'stream' | 'log'
  readonly lagSloMs: number
  readonly ignoresOthers: boolean
  /** fold: the document; rows: the row; sql: none. */
  readonly schema: AnySchema | undefined
  readonly lookup: Lookup<Record<string, unknown>>
  readonly tables: Readonly<Record<string, string>>
  readonly setup: readonly string[]
  /** Keys of an event; fold and sql. */
  readonly keysOf: (event: never) => readonly string[]
  readonly on: Readonly<Record<string, (...args: never[]) => unknown>>
  readonly of?: Doc
}

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyProjectionDef = ProjectionDef<any, any, any>

/** Declares a fold projection: documents by key, on every store. Throws `PROJECTION_DECLARATION`. */
export function projection<
  const N extends string,
  const E extends readonly AnyEventDef[],
  S extends AnySchema,
  O extends Otherwise = undefined,
>(name: N, spec: FoldSpec<E, S, O>): ProjectionDef<N, 'fold', Out<S>> {
  const key = spec.key as (event: never) => string | readonly string[]
  return make(name, 'fold', spec, {
    schema: spec.document,
    lookup: (spec.lookup ?? {}) as Lookup<Record<string, unknown>>,
    keysOf: (event) => asList(name, key(event)),
  })
}

/** Declares a rows projection: immutable rows for append stores. Throws `PROJECTION_DECLARATION`. */
export function rowsProjection<
  const N extends string,
  const E extends readonly AnyEventDef[],
  S extends AnySchema,
  O extends Otherwise = undefined,
>(name: N, spec: RowsSpec<E, S, O>): ProjectionDef<N, 'rows', Out<S>> {
  return make(name, 'rows', spec, { schema: spec.row })
}

/** Declares a sql projection: handlers write with SQL in the checkpoint's transaction; transactional stores only. Throws `PROJECTION_DECLARATION`. */
export function sqlProjection<
  const N extends string,
  const E extends readonly AnyEventDef[],
  O extends Otherwise = undefined,
>(name: N, spec: SqlSpec<E, O>): ProjectionDef<N, 'sql', undefined> {
  const key = spec.key as ((event: never) => string) | undefined
  return make(name, 'sql', spec, {
    tables: spec.tables,
    setup: spec.setup ?? [],
    ...(key === undefined ? {} : { keysOf: (event: never) => [key(event)] }),
  })
}

type AnySpec = Common<readonly AnyEventDef[]> & {
  readonly on: object
  readonly otherwise?: 'ignore' | undefined
}

function make<N extends string, Shape extends 'fold' | 'rows' | 'sql', Doc>(
  name: N,
  shape: Shape,
  spec: AnySpec,
  own: Partial<Pick<ProjectionDef, 'schema' | 'lookup' | 'tables' | 'setup' | 'keysOf'>>,
): ProjectionDef<N, Shape, Doc> {
  checkOptions('PROJECTION_DECLARATION', `projection "${name}"`, spec, options[shape])
  if (shape !== 'sql')
    checkSchema(
      'PROJECTION_DECLARATION',
      `the ${shape === 'fold' ? 'document' : 'row'} of projection "${name}"`,
      own.schema,
    )
  checkSpec(name, spec)
  return {
    kind: 'projection',
    name,
    shape,
    version: spec.version,
    from: spec.from,
    scope: spec.scope ?? 'stream',
    lagSloMs: durationMs(spec.lag?.slo ?? '500ms'),
    ignoresOthers: spec.otherwise === 'ignore',
    schema: own.schema,
    lookup: own.lookup ?? {},
    tables: own.tables ?? {},
    setup: own.setup ?? [],
    keysOf: own.keysOf ?? ((event: never) => [(event as { stream: string }).stream]),
    on: spec.on as ProjectionDef['on'],
  }
}

function asList(name: string, keys: string | readonly string[]): readonly string[] {
  if (typeof keys === 'string') return [keys]
  if (Array.isArray(keys)) return keys as readonly string[]
  throw new TailraceError(
    'HANDLER_RESULT_INVALID',
    `expected the key function of projection "${name}" to give a key or a list of keys at once, got ${shownValue(keys)}`,
  )
}

function checkSpec(name: string, spec: AnySpec): void {
  const fail = (text: string): never => {
    throw new TailraceError('PROJECTION_DECLARATION', text)
  }
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name))
    fail(
      `expected the projection name to match [a-z][a-z0-9-]{0,40} (it becomes part of physical names), got "${name}"`,
    )
  if (!Number.isSafeInteger(spec.version) || spec.version < 1)
    fail(
      `expected the version of projection "${name}" to be an integer from 1, got ${spec.version}`,
    )
  const of = `of projection "${name}"`
  checkEventList('PROJECTION_DECLARATION', `"from" ${of}`, spec.from)
  if (spec.scope !== undefined)
    checkChoice('PROJECTION_DECLARATION', `"scope" ${of}`, spec.scope, ['stream', 'log'])
  if (spec.otherwise !== undefined)
    checkChoice('PROJECTION_DECLARATION', `"otherwise" ${of}`, spec.otherwise, ['ignore'])
  const known = new Set(spec.from.map((def) => def.type as string))
  const stranger = Object.keys(spec.on).find((type) => !known.has(type))
  if (stranger !== undefined)
    fail(
      `expected projection "${name}" to handle events of its "from" list, got "${stranger}"${nearest(stranger, [...known])}`,
    )
  const missing = [...known].find((type) => !(type in spec.on))
  if (missing !== undefined && spec.otherwise !== 'ignore')
    fail(
      `expected projection "${name}" to handle "${missing}", got no handler; add it or say otherwise: 'ignore'`,
    )
}
