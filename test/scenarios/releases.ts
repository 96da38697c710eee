import { postgres, postgresTables } from '@tailrace/postgres'
import type { Pool } from 'pg'
import {
  aggregate,
  app,
  event,
  projection,
  query,
  reactor,
  start,
  table,
  type TailraceError,
  type Engine,
  type RowOperation,
  type Running,
  type StartOptions,
} from 'tailrace'
import { z } from 'zod'
import { quietPool } from '../support/event-log.ts'
import { freshDatabase } from '../support/postgres.ts'

/** What a release of the application makes of its events and of its read model. */
export interface Release {
  /** What the event is called that a deposit records. Default: `Deposited`. */
  readonly deposits?: string
  /** Its version; from 2 on, in cents. Default: 1. */
  readonly depositVersion?: 1 | 2
  /** Further events that are declared, each with a handler that counts it. */
  readonly more?: readonly string[]
  /** Of the read model. Default: 1. */
  readonly version?: number
  readonly retired?: readonly string[]
  /** With a reactor that notes the types of the events that it handles: all that are declared. */
  readonly seen?: string[]
}

const Change = z.object({ by: z.int() })
type Change = z.infer<typeof Change>
const Total = z.object({ total: z.int(), others: z.int() })
type Total = z.infer<typeof Total>

interface PurseWriter {
  readonly purse: {
    insert(row: { total: number }): RowOperation
    update(row: { total: number }): RowOperation
  }
}

/** A purse: opened by its first deposit. Its read model adds up deposits and counts the other events. */
export function purses({
  deposits = 'Deposited',
  depositVersion = 1,
  more = [],
  version = 1,
  retired = [],
  seen,
}: Release = {}) {
  const Deposit =
    depositVersion === 1
      ? event(deposits, Change)
      : event(deposits, 2, Change, { from1: ({ by }: Change) => ({ by: by * 100 }) })
  const others = more.map((type) => event(type, z.object({})))
  const Purse = aggregate('purse', {
    id: z.string(),
    rows: {
      purse: table('purses', z.object({ id: z.string(), version: z.int(), total: z.int() })),
    },
    events: [Deposit, ...others],
    // Names that a release chooses are no literals: what the compiler knows of handlers elsewhere is said here by hand.
    write: {
      [deposits]: (
        { version: at, data: { by } }: { version: number; data: Change },
        to: PurseWriter,
      ) => [at === 1 ? to.purse.insert({ total: by }) : to.purse.update({ total: by })],
      ...Object.fromEntries(more.map((type) => [type, () => []])),
    } as never,
  })
  const Totals = projection('totals', {
    version,
    from: Purse.events,
    document: Total,
    key: ({ stream }) => stream,
    on: {
      [deposits]: ({ data: { by } }: { data: Change }, doc?: Total) => ({
        total: (doc?.total ?? 0) + by,
        others: doc?.others ?? 0,
      }),
      ...Object.fromEntries(
        more.map((type) => [
          type,
          (_: unknown, doc?: Total) => doc && { ...doc, others: doc.others + 1 },
        ]),
      ),
    } as never,
    otherwise: 'ignore',
  })
  const record = Purse.command('record', {
    input: z.object({ id: z.string(), type: z.string(), by: z.int().default(1) }),
    target: ({ id }) => id,
    on: 'either',
    may: 'anyone',
    decide: ({ input: { type, by } }) =>
      type === deposits ? Deposit({ by }) : others.find((other) => other.type === type)!({}),
  })
  const total = query('total', {
    input: z.object({ id: z.string() }),
    reads: { totals: Totals },
    may: 'anyone',
    run: async ({ totals }, { id }) => (await totals.get(id)) ?? null,
  })
  const note = async ({ type }: { readonly type: string }) => void seen?.push(type)
  const noting = reactor('noting', {
    from: Purse.events,
    on: Object.fromEntries([deposits, ...more].map((type) => [type, note])) as never,
  })
  return app({
    aggregates: { Purse },
    commands: { record },
    projections: { Totals },
    queries: { total },
    retired,
    ...(seen === undefined ? {} : { reactors: { noting } }),
  })
}

/** Two databases, and processes of any releases on them. */
export interface Site {
  readonly pool: Pool
  deploy(release?: Release, options?: Partial<StartOptions>): Promise<Deployed>
  close(): Promise<void>
}

export interface Deployed {
  readonly engine: Engine
  /** What it reported as gone wrong. */
  readonly problems: TailraceError[]
  stop(): Promise<void>
}

export async function openSite(): Promise<Site> {
  const [write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const pool = quietPool({ connectionString: write.url, max: 4 })
  await pool.query(
    'create table purses (id text primary key, version bigint not null, total bigint not null)',
  )
  const processes: Running[] = []
  return {
    pool,
    async deploy(release, options) {
      const problems: TailraceError[] = []
      const running = await start(purses(release), {
        write: postgres({ url: write.url, onWarning: () => undefined }),
        stores: { totals: postgresTables({ url: read.url }) },
        onProblem: (_, error) => problems.push(error as TailraceError),
        ...options,
      })
      processes.push(running)
      return { engine: running.engine, problems, stop: () => running.stop() }
    },
    async close() {
      await Promise.all(processes.map((running) => running.stop()))
      void pool.end()
      await Promise.all([write.drop(), read.drop()])
    },
  }
}

/** Sends a command that records an event; its token. */
export async function recorded({ engine }: Deployed, input: object): Promise<string> {
  const outcome = await engine.command('record', input)
  if (outcome.kind !== 'committed')
    throw new Error(`expected an event to be recorded, got ${JSON.stringify(outcome)}`)
  return outcome.token
}

/** What the read model says, with all that the tokens stand for; undefined when it is not that far. */
export async function totalOf({ engine }: Deployed, id: string, ...tokens: string[]) {
  const outcome = await engine.query('total', { id }, { tokens, waitMs: 5_000 })
  return outcome.kind === 'answer' && !outcome.meta.stale ? outcome.data : undefined
}
