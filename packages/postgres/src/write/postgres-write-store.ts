import type {
  AggregateKey,
  AggregateRows,
  Clock,
  Committed,
  CommandRecord,
  EachCommitted,
  Loaded,
  WriteBatch,
  WriteStore,
  WriteTransaction,
} from 'tailrace/adapter'
import { TailraceError, WriteConflict, WriteFailed } from 'tailrace/adapter'
import type { AggregateTables, Catalog } from '../catalog/catalog.ts'
import { quotedSchema } from '../schema-name.ts'
import type { SqlPool, SqlResult } from '../sql-pool.ts'
import { commitEach } from './commit-each.ts'
import { ErrorClassifier, isLogFull } from './database-errors.ts'
import { DatabaseClock } from './database-clock.ts'
import { lostRace } from './diagnose.ts'
import { bindLoad, loadStatement, type LoadStatement } from './load-statement.ts'
import { assembleAggregates, parseCommands } from './loaded-rows.ts'
import { NotedTypes } from './noted-types.ts'
import { onConnection, read, runCommitting, type Run } from './statement-runner.ts'
import { runTransaction } from './transaction.ts'
import { WriteStatements } from './write-statements.ts'

export interface WriteStoreOptions {
  /** For loads and commits of batches. */
  readonly pool: SqlPool
  /** For transactional commands, which hold a connection for as long as they run. Default: `pool`. */
  readonly transactionPool?: SqlPool
  readonly schema: string
  readonly catalog: Catalog
  readonly clock: Clock
}

/** Commands commit here: the application's own tables, and the engine's in `schema`, in one statement. */
export class PostgresWriteStore implements WriteStore {
  readonly schema: string
  readonly catalog: Catalog
  readonly #pool: SqlPool
  readonly #transactionPool: SqlPool
  readonly #clock: DatabaseClock
  readonly #classifier: ErrorClassifier
  readonly #statements: WriteStatements
  readonly #types: NotedTypes
  readonly #loads = new Map<string, LoadStatement>()

  constructor({ pool, transactionPool = pool, schema, catalog, clock }: WriteStoreOptions) {
    this.schema = quotedSchema(schema)
    this.catalog = catalog
    this.#pool = pool
    this.#transactionPool = transactionPool
    this.#clock = new DatabaseClock(clock)
    this.#classifier = new ErrorClassifier(schema, catalog)
    this.#statements = new WriteStatements(this.schema, catalog)
    this.#types = new NotedTypes(this.schema, clock)
  }

  async load(aggregates: readonly AggregateKey[], commandIds: readonly string[]): Promise<Loaded> {
    try {
      return await this.loadWith((statement) => read(this.#pool, statement), aggregates, commandIds)
    } catch (error) {
      throw this.classify(error)
    }
  }

  /** As `load`, on a connection in hand. */
  async loadWith(
    run: Run,
    aggregates: readonly AggregateKey[],
    commandIds: readonly string[],
  ): Promise<Loaded> {
    const asked = new Map<AggregateTables, Set<string>>()
    const keys = aggregates.map((key) => ({ tables: this.tablesOf(key), id: this.storedId(key) }))
    for (const { tables, id } of keys) {
      if (id === undefined) continue
      const ids = asked.get(tables)
      if (ids === undefined) asked.set(tables, new Set([id]))
      else ids.add(id)
    }
    const commands = commandIds.map(asUuid)
    const known = commands.filter((id) => id !== undefined)
    const statement = this.#loadStatement([...asked.keys()], known.length > 0)
    const sent = this.#clock.moment()
    const result = await run(
      bindLoad(
        statement,
        statement.aggregates.map((tables) => [...asked.get(tables)!]),
        known,
      ),
    )
    const answer = result.rows[0] as Record<string, string | null>
    this.#observe(answer, sent)
    const found = new Map<AggregateTables, Map<string, AggregateRows>>()
    statement.aggregates.forEach((tables, i) =>
      found.set(tables, assembleAggregates(tables, statement.columns[i]!, answer)),
    )
    const records = parseCommands(answer['commands'] ?? null)
    return {
      aggregates: keys.map(({ tables, id }) =>
        id === undefined ? undefined : found.get(tables)?.get(id),
      ),
      commands: commands.map((id): CommandRecord | undefined =>
        id === undefined ? undefined : records.get(id),
      ),
    }
  }

  async commit(batch: WriteBatch): Promise<Committed> {
    const statement = this.#statements.bind(batch)
    await this.#note(batch.events)
    const sent = this.#clock.moment()
    try {
      return this.#committed(
        await onConnection(this.#pool, (run) => runCommitting(run, statement)),
        sent,
      )
    } catch (error) {
      throw await this.explain((body) => onConnection(this.#pool, body), error, batch)
    }
  }

  async commitEach(batches: readonly WriteBatch[]): Promise<EachCommitted> {
    // Before a connection is taken: whoever holds one must not wait for another.
    await this.#note(batches.flatMap(({ events }) => events))
    return onConnection(this.#pool, (run) => commitEach(this, run, batches)).catch(
      (error: unknown) => {
        throw this.classify(error)
      },
    )
  }

  transaction<T>(
    body: (
      tx: WriteTransaction,
    ) => Promise<{ readonly commit: WriteBatch | undefined; readonly value: T }>,
  ): Promise<{ readonly value: T; readonly committed: Committed | undefined }> {
    return onConnection(this.#transactionPool, (run) => runTransaction(this, run, body))
  }

  /** How many statements a connection prepares at most, for the batches seen so far. */
  get statementCount(): number {
    return this.#statements.count
  }

  now(): string {
    return this.#clock.now()
  }

  /** Writes a batch inside the transaction in hand. Say with `wrote` that it has committed. */
  async writeWith(run: Run, batch: WriteBatch): Promise<Committed> {
    // Within it, because one that waits for a second connection may wait for ever.
    const missing = this.#types.missing(batch.events)
    if (missing.length > 0) await this.#types.write(run, missing)
    const sent = this.#clock.moment()
    return this.#committed(await run(this.#statements.bind(batch)), sent)
  }

  /** These batches were written by a transaction that has committed. */
  wrote(batches: readonly WriteBatch[]): void {
    for (const { events } of batches) this.#types.remember(events)
  }

  classify(error: unknown): WriteConflict | WriteFailed | TailraceError {
    return this.#classifier.classify(error)
  }

  /** Makes the log's next partitions. Whoever could not write for want of them is told to try again. */
  async makePartitions(run: Run): Promise<undefined> {
    await run({ text: `select ${this.schema}.ensure_log_partitions()` }).catch(() => undefined)
  }

  /** As `classify`; asks the database whether a race was lost where the error alone does not tell. */
  async explain(
    connection: (
      body: (run: Run) => Promise<WriteConflict | undefined>,
    ) => Promise<WriteConflict | undefined>,
    error: unknown,
    batch: WriteBatch,
  ): Promise<WriteConflict | WriteFailed | TailraceError> {
    const classified = this.classify(error)
    if (isLogFull(error)) {
      await connection((run) => this.makePartitions(run))
      return classified
    }
    const doubtful =
      classified instanceof WriteFailed
        ? classified.sqlState !== undefined
        : classified instanceof WriteConflict && classified.kind === 'exists'
    if (!doubtful) return classified
    // Asking is an extra: when it fails, the error as it was must do.
    const lost = await connection((run) => lostRace(run, this.schema, this.catalog, batch)).catch(
      () => undefined,
    )
    return lost ?? classified
  }

  tablesOf({ aggregate }: AggregateKey): AggregateTables {
    const tables = this.catalog.aggregates.get(aggregate.name)
    if (tables === undefined) {
      throw new TailraceError(
        'CONFIG',
        `expected an aggregate of the app that was opened, got "${aggregate.name}"; add it to the app`,
      )
    }
    return tables
  }

  /** The id as the database writes it; undefined for an id that no row can have. */
  storedId(key: AggregateKey): string | undefined {
    const { base } = this.tablesOf(key).root.key[0]!
    if (base === 'uuid') return asUuid(key.id)
    return key.id.includes('\u0000') || !key.id.isWellFormed() ? undefined : key.id
  }

  #loadStatement(aggregates: AggregateTables[], commands: boolean): LoadStatement {
    const ordered = aggregates.toSorted((a, b) => (a.aggregate.name < b.aggregate.name ? -1 : 1))
    const shape = JSON.stringify([commands, ...ordered.map(({ aggregate }) => aggregate.name)])
    let statement = this.#loads.get(shape)
    if (statement === undefined) {
      statement = loadStatement(this.schema, ordered, commands)
      this.#loads.set(shape, statement)
    }
    return statement
  }

  /** Nothing of the batch is committed when it throws. */
  async #note(events: WriteBatch['events']): Promise<void> {
    const missing = this.#types.missing(events)
    if (missing.length === 0) return
    try {
      await onConnection(this.#pool, (run) => this.#types.write(run, missing))
    } catch (error) {
      throw this.classify(error)
    }
    this.#types.remember(missing)
  }

  #committed({ rows }: SqlResult, sent: number): Committed {
    this.#observe(rows[0], sent)
    return { xid: rows[0].xid }
  }

  #observe(answer: Readonly<Record<string, string | null>>, sent: number): void {
    this.#clock.observe(Number(answer['now']), sent)
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function asUuid(text: string): string | undefined {
  const lower = text.toLowerCase()
  return uuid.test(lower) ? lower : undefined
}
