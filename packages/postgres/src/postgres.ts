import {
  TailraceError,
  type App,
  type Clock,
  type OpenWriteSide,
  type WriteAdapter,
} from 'tailrace/adapter'
import { readCatalog } from './catalog/catalog.ts'
import { openDoorbell, type Doorbell } from './log/doorbell.ts'
import { asUnavailable } from './log/lost-connection.ts'
import { startHistory } from './log/log-history.ts'
import { postgresLogTypes } from './log/log-types.ts'
import { openEventLog } from './log/postgres-event-log.ts'
import { postgresGivenUp } from './log/postgres-given-up.ts'
import { postgresLeases } from './log/postgres-leases.ts'
import { postgresReactorLedger } from './log/postgres-reactor-ledger.ts'
import { postgresSequencer } from './log/postgres-sequencer.ts'
import { postgresTimers } from './log/postgres-timers.ts'
import { migrate } from './migrate.ts'
import { quotedSchema } from './schema-name.ts'
import { checkSuitability } from './suitability.ts'
import { isServerError } from './write/database-errors.ts'
import { PostgresWriteStore } from './write/postgres-write-store.ts'
import { read } from './write/statement-runner.ts'
import { writePools, type WritePoolOptions, type WritePools } from './write/write-pools.ts'

export interface PostgresOptions extends WritePoolOptions {
  /** Where the engine's own tables live. Default: `tailrace`. */
  readonly schema?: string | undefined
  /** An open transaction is named in the status from this age on, milliseconds. Default: 60,000. */
  readonly oldTransactionMs?: number | undefined
  /** Hears of settings that a person should know of. Default: a process warning. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/**
 * PostgreSQL 15 or later as the write side: the application's own tables, event log, sequencer, timers and leases.
 * Opening migrates the engine's schema and checks the server (`DATABASE_UNSUITABLE`) and the tables (`CATALOG_MISMATCH`).
 */
export function postgres(options: PostgresOptions): WriteAdapter {
  const {
    schema = 'tailrace',
    onWarning = (text: string) => process.emitWarning(text, 'TailraceWarning'),
  } = options
  quotedSchema(schema)
  return {
    kind: 'write-adapter',
    async open(app, { clock }) {
      const pools = writePools(options)
      try {
        const { oldTransactionMs } = options
        return await openWriteSide(pools, app, { clock, schema, onWarning, oldTransactionMs })
      } catch (error) {
        await pools.close()
        throw asOpenError(error)
      }
    },
  }
}

interface OpenOptions {
  readonly clock: Clock
  readonly schema: string
  readonly onWarning: (text: string) => void
  readonly oldTransactionMs: number | undefined
}

async function openWriteSide(
  pools: WritePools,
  app: App,
  { clock, schema, onWarning, oldTransactionMs }: OpenOptions,
): Promise<OpenWriteSide> {
  const { commands, other: pool } = pools
  for (const text of await checkSuitability(pool)) onWarning(text)
  await migrate(pool, schema)
  const catalog = await readCatalog(pool, app.aggregates.values())
  const store = new PostgresWriteStore({
    pool: commands,
    transactionPool: pool,
    schema,
    catalog,
    clock,
  })
  // Sets the clock by the database's.
  await store.load([], [])
  const log = await openEventLog({
    pool,
    clock,
    schema,
    ...(oldTransactionMs === undefined ? {} : { oldTransactionMs }),
  })
  let doorbell: Doorbell | undefined
  let closing: Promise<void> | undefined
  const bell = () => (doorbell ??= openDoorbell({ pool, clock, schema }))
  return {
    store,
    log,
    sequencer: postgresSequencer({ pool, schema }),
    leases: postgresLeases({ pool, schema }),
    timers: postgresTimers({ pool, schema }),
    reactorLedger: postgresReactorLedger({ pool, schema }),
    givenUp: postgresGivenUp({ pool, schema }),
    types: postgresLogTypes({ pool, schema }),
    onDoorbell(ring) {
      if (closing !== undefined) throw closed()
      return bell().onRing(ring)
    },
    ringDoorbell() {
      if (closing === undefined) bell().ring()
    },
    async startHistory(beyond) {
      const identity = await startHistory({ pool, schema, beyond })
      // From now on this log is of that history.
      await log.head()
      return identity
    },
    async ping() {
      if (closing !== undefined) throw closed()
      await read(commands, { text: 'select 1' }).catch((error: unknown) => {
        throw asUnavailable(error)
      })
    },
    close: () => (closing ??= Promise.resolve(doorbell?.close()).then(() => pools.close())),
  }
}

/** Wrong credentials, a database that is not there, rights that are missing: the server answers, and says why not. */
function asOpenError(error: unknown): unknown {
  if (!isServerError(error) || /^(08|53|57)/.test(error.code)) return asUnavailable(error)
  return new TailraceError(
    'DATABASE_UNSUITABLE',
    `expected to open the write database, got "${error.message}"; see that the address, the role and its rights are right`,
    { cause: error },
  )
}

function closed(): TailraceError {
  return new TailraceError('ADAPTER_CLOSED', 'expected an open write side, got one after close()')
}
