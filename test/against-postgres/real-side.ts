import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { join } from 'node:path'
import { embeddedPostgres } from '@tailrace/postgres/embedded'
import { migrate } from '@tailrace/postgres'
import { Pool } from 'pg'
import { readCatalog, type Catalog } from '../../packages/postgres/src/catalog/catalog.ts'
import { postgresSequencer } from '../../packages/postgres/src/log/postgres-sequencer.ts'
import { PostgresWriteStore } from '../../packages/postgres/src/write/postgres-write-store.ts'
import { systemClock } from '../../packages/tailrace/src/run/system-clock.ts'
import { testSettings } from '../support/test-settings.ts'
import { boxesApp, boxesTables } from './boxes-app.ts'
import { timerPlace, withTimerIds, type Step, type TimerIds } from './history.ts'
import { backendsSql, emptySql, lookSql, type Backend, type Looked } from './real-side-sql.ts'
import { logText, type Seen } from './seen.ts'
import { SequencerDriver } from './sequencer-driver.ts'
import { SessionPool } from './session-pool.ts'
import { Session } from './session.ts'

/** A wait that lasts longer than this on a server whose deadlock check comes after 1 ms is one that the check let pass. */
const checkedAfterMs = 8

/** Looks, before a step that neither ends nor waits is an error. */
const looksMax = 20_000

/** A PostgreSQL server of its own: transaction ids and snapshots belong to the whole server. */
export class RealServer {
  readonly #stop: () => Promise<void>
  readonly #url: string
  readonly #pools = new Map<string, SessionPool>()
  readonly #catalog: Catalog
  readonly #own: Pool

  private constructor(url: string, own: Pool, catalog: Catalog, stop: () => Promise<void>) {
    this.#url = url
    this.#own = own
    this.#catalog = catalog
    this.#stop = stop
  }

  static async start(): Promise<RealServer> {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-test-'))
    const server = await embeddedPostgres({
      dataDir: folder,
      database: 'test',
      // Nothing but the sessions may take a transaction id, and a deadlock is found by who closes the circle.
      settings: { ...testSettings, autovacuum: false, deadlock_timeout: '1ms' },
    })
    const own = new Pool({ connectionString: server.url, max: 2 })
    own.on('error', () => undefined)
    await own.query(boxesTables)
    await migrate(own)
    const catalog = await readCatalog(own, boxesApp.aggregates.values())
    return new RealServer(server.url, own, catalog, async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    })
  }

  /** Empties the database, and begins sessions on it. */
  async open(sessions: readonly string[]): Promise<RealSide> {
    await this.#own.query(emptySql)
    const made = sessions.map((name) => {
      const pool = this.#pools.get(name) ?? new SessionPool(this.#url, name)
      this.#pools.set(name, pool)
      const clock = systemClock()
      const store = new PostgresWriteStore({
        pool,
        schema: 'tailrace',
        catalog: this.#catalog,
        clock,
      })
      return [name, new Session(name, store)] as const
    })
    const sequencer = await SequencerDriver.open(postgresSequencer({ pool: this.#own }))
    return new RealSide(this.#own, new Map(made), this.#pools, sequencer)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#own, ...this.#pools.values()].map((pool) => pool.end()))
    await this.#stop()
  }
}

/** The sessions of one history on the real server. */
export class RealSide {
  readonly #own: Pool
  readonly #sessions: ReadonlyMap<string, Session>
  readonly #pools: ReadonlyMap<string, SessionPool>
  readonly #sequencer: SequencerDriver
  #outcomes: string[] = []
  #blocked: string[] = []

  constructor(
    own: Pool,
    sessions: ReadonlyMap<string, Session>,
    pools: ReadonlyMap<string, SessionPool>,
    sequencer: SequencerDriver,
  ) {
    this.#own = own
    this.#sessions = sessions
    this.#pools = pools
    this.#sequencer = sequencer
  }

  async take(step: Step): Promise<Seen> {
    this.#outcomes = []
    const answered = Promise.withResolvers<void>()
    const told = (outcome: string): void => {
      this.#outcomes.push(outcome)
      answered.resolve()
    }
    if (step.does === 'step') this.#sequencer.start(step, told)
    else if (step.does === 'terminate') await this.#terminate(step.by)
    else if (step.does === 'vanish') {
      this.#sessions.get(step.by)!.vanished = true
      this.#pools.get(step.by)!.cut()
    } else this.#sessions.get(step.by)!.start(withTimerIds(step, await this.#timerIds()), told)
    // Most steps end at once: only for the others is the server asked what they do.
    if (this.#sequencer.pending || this.#sessions.get(step.by)?.pending === true)
      await Promise.race([answered.promise, setTimeout(20)])
    await this.#rest()
    return this.#look()
  }

  /** Ends whatever is left of the history. */
  async close(): Promise<void> {
    for (const [name, session] of this.#sessions)
      if (session.pending || session.vanished) await this.#terminate(name)
    for (const session of this.#sessions.values()) session.close()
    await this.#until(() => [...this.#sessions.values()].every((one) => !one.isBusy))
    await this.#sequencer.close()
  }

  async #timerIds(): Promise<TimerIds> {
    const { rows } = await this.#own.query<{ id: string; stream: string; input: string }>(
      'select id::text, stream, input::text from tailrace.timer',
    )
    return new Map(rows.map(({ id, stream, input }) => [timerPlace(stream, input), id] as const))
  }

  /** The server's own waiting for the end looks every 100 ms only. */
  async #terminate(name: string): Promise<void> {
    const { rows } = await this.#own.query<{ pid: number }>(
      `select pid, pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and state <> 'idle'`,
      [name],
    )
    const pids = [rows.map(({ pid }) => pid)]
    const left = 'select from pg_stat_activity where pid = any($1)'
    await this.#until(async () => (await this.#own.query(left, pids)).rowCount === 0)
  }

  /** Until every session has its answer or waits for another one's lock. */
  async #rest(): Promise<void> {
    let before = ''
    await this.#until(async () => {
      const waiting = [...this.#sessions.values()].filter((one) => one.pending || one.vanished)
      if (this.#sequencer.pending) return false
      this.#blocked = []
      if (waiting.length === 0) return true
      const { rows } = await this.#own.query<Backend>(backendsSql, [
        waiting.map(({ name }) => name),
      ])
      const settled = waiting.every(({ name, vanished, pending }) => {
        const mine = rows.filter((row) => row.name === name)
        if (mine.length === 0) return vanished
        if (!vanished && !pending) return true
        return mine.every((row) => row.blockers > 0 && row.waitedMs > checkedAfterMs)
      })
      this.#blocked = rows.filter((row) => row.blockers > 0).map(({ name }) => name)
      // Two looks that agree: whoever was let go on in between shows another wait, or none.
      const now = JSON.stringify([rows.map(({ pid, since }) => [pid, since]), this.#outcomes])
      const same = settled && now === before
      before = settled ? now : ''
      return same
    })
  }

  async #until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let looks = 0; looks < looksMax; looks++) {
      if (await condition()) return
      await setTimeout(1)
    }
    throw new Error(
      `expected every session to have ended or to wait for a lock, got ${looksMax} looks without`,
    )
  }

  async #look(): Promise<Seen> {
    let looked: Looked | undefined
    // A statement's error arrives before its transaction has ended.
    await this.#until(async () => {
      looked = (await this.#own.query<Looked>({ name: 'look', text: lookSql })).rows[0]!
      return looked.running.every((name) => {
        const { isOpen, pending, vanished } = this.#sessions.get(name)!
        return isOpen || pending || vanished
      })
    })
    const { rows: found, log, commands, timers, running } = looked!
    return {
      outcomes: this.#outcomes.toSorted(),
      blocked: this.#blocked.toSorted(),
      running,
      rows: found.toSorted(),
      log: logText(log.map(({ xid, ...rest }) => ({ ...rest, xid: Number(xid) }))),
      commands: commands.map(Number),
      timers: timers.toSorted(),
    }
  }
}
