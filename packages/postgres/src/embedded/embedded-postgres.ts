import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TailraceError } from 'tailrace/adapter'
import { chooseAccount, giveTo, type Account } from './account.ts'
import { makeCluster } from './cluster.ts'
import { databaseUrl, openDataFolder, type DataFolder } from './data-folder.ts'
import { makeDatabase } from './make-database.ts'
import { claimFolder, releaseFolder } from './owner.ts'
import { disownPostmasterFile, runningPostmaster } from './postmaster-file.ts'
import { stopOrphan } from './postmaster.ts'
import { findPrograms } from './programs.ts'
import { settingsFile, type Settings } from './settings.ts'
import { startServer } from './start-server.ts'
import { supervise, type Supervised } from './supervise.ts'

export interface EmbeddedPostgresOptions {
  /** Where the server keeps its data, between starts too. One server per folder. */
  readonly dataDir: string
  /** The database that `url` names. It is made when it is missing. */
  readonly database: string
  /** Default: 0, any free port, which may be another one at every start. */
  readonly port?: number
  /** PostgreSQL settings on top of the defaults, such as `{ shared_buffers: '1GB' }`. */
  readonly settings?: Settings
  /** Receives one line per step. */
  readonly log?: (line: string) => void
  /**
   * Whether a server that ends by itself, or is killed, is started again on the same port. One that does so more than
   * five times in a minute is given up. Default: false.
   */
  readonly restart?: boolean
  /** How long recovery and start may take together. Default: 60 s. */
  readonly startTimeoutMs?: number
  /** How long an orderly shutdown may take before the server is made to stop; it then recovers at its next start. Default: 6 s. */
  readonly stopTimeoutMs?: number
}

export interface EmbeddedPostgres {
  readonly url: string
  readonly port: number
  /** The server's first process; another one after a restart. */
  readonly pid: number
  /** Resolves when the server has ended for good, whatever ended it. */
  readonly ended: Promise<void>
  /** Stops the server. May be called twice, and after it ended by itself. */
  stop(): Promise<void>
}

/**
 * Starts a real PostgreSQL server as a child of this process, on the loopback interface only. It stops with this
 * process, whatever ends it; what it committed is kept. A server left behind on the folder is stopped first.
 */
export async function embeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const {
    database,
    log = () => undefined,
    startTimeoutMs = 60_000,
    stopTimeoutMs = 6_000,
  } = options
  const deadline = Date.now() + startTimeoutMs
  const place = {
    programs: findPrograms(),
    account: chooseAccount(),
    folder: openDataFolder(options.dataDir),
  }
  const { folder } = place
  claimFolder(folder)
  try {
    await stopLeftBehind(folder, log)
    const began = Date.now()
    if (await makeCluster(place)) log(`made a cluster in ${Date.now() - began} ms`)
    configure(folder, place.account, options.settings)
    const postmaster = await startServer(place, options.port ?? 0, deadline)
    const { port } = postmaster
    const restart = () => {
      log('the server ended by itself; starting it again')
      disownPostmasterFile(folder)
      return startServer(place, port, Date.now() + startTimeoutMs, true)
    }
    const server = running(
      folder,
      port,
      database,
      supervise(postmaster, options.restart ? restart : undefined),
      stopTimeoutMs,
    )
    await makeDatabase(folder, port, database, deadline).catch((error: unknown) =>
      server.stop().then(() => Promise.reject(error)),
    )
    log(`PostgreSQL takes connections on port ${port}`)
    return server
  } catch (error) {
    releaseFolder(folder)
    throw error
  }
}

function running(
  folder: DataFolder,
  port: number,
  database: string,
  server: Supervised,
  stopTimeoutMs: number,
): EmbeddedPostgres {
  const ended = server.ended.then(() => releaseFolder(folder))
  let stopping: Promise<void> | undefined
  const stop = async () => {
    if ((await server.stop(stopTimeoutMs)) === 'still-running')
      throw cannotStop(folder, server.pid())
    await ended
  }
  return {
    url: databaseUrl(folder, port, database),
    port,
    get pid() {
      return server.pid()
    },
    ended,
    stop: () => (stopping ??= stop()),
  }
}

async function stopLeftBehind(folder: DataFolder, log: (line: string) => void): Promise<void> {
  const orphan = runningPostmaster(folder)
  if (orphan !== undefined) {
    log(`stopping the server that an earlier process left behind (process ${orphan.pid})`)
    const stopped = await stopOrphan(folder, orphan.pid, 30_000)
    if (stopped === 'still-running') throw cannotStop(folder, orphan.pid)
  }
  disownPostmasterFile(folder)
}

function configure(folder: DataFolder, account: Account, settings?: Settings): void {
  writeFileSync(join(folder.cluster, 'postgresql.conf'), settingsFile(settings), { mode: 0o600 })
  giveTo(account, folder.cluster)
}

function cannotStop(folder: DataFolder, pid: number): TailraceError {
  return new TailraceError(
    'UNAVAILABLE',
    `expected PostgreSQL on ${folder.root} to stop, got process ${pid} still running; end it by hand`,
    {
      details: { reason: 'STILL_RUNNING', folder: folder.root, pid },
    },
  )
}
