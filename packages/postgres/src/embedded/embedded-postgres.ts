import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { TailraceError } from 'tailrace/adapter'
import { chooseAccount, giveTo, type Account } from './account.ts'
import { makeCluster } from './cluster.ts'
import { databaseUrl, openDataFolder, type DataFolder } from './data-folder.ts'
import { freePort } from './free-port.ts'
import { makeDatabase } from './make-database.ts'
import { claimFolder, releaseFolder } from './owner.ts'
import { disownPostmasterFile, runningPostmaster } from './postmaster-file.ts'
import {
  startPostmaster,
  stopOrphan,
  stopPostmaster,
  type Postmaster,
  type StartFailure,
} from './postmaster.ts'
import { findPrograms } from './programs.ts'
import { settingsFile, type Settings } from './settings.ts'

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
  /** How long recovery and start may take together. Default: 60 s. */
  readonly startTimeoutMs?: number
  /** How long an orderly shutdown may take before the server is made to stop; it then recovers at its next start. Default: 6 s. */
  readonly stopTimeoutMs?: number
}

export interface EmbeddedPostgres {
  readonly url: string
  readonly port: number
  /** The server's first process. */
  readonly pid: number
  /** Resolves when the server has ended, whatever ended it. */
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
  const programs = findPrograms()
  const account = chooseAccount()
  const folder = openDataFolder(options.dataDir)
  claimFolder(folder)
  try {
    await stopLeftBehind(folder, log)
    const started = Date.now()
    if (await makeCluster(folder, programs, account))
      log(`made a cluster in ${Date.now() - started} ms`)
    configure(folder, account, options.settings)
    const postmaster = await start(folder, options.port ?? 0, deadline, (port) =>
      startPostmaster(folder, programs, account, port, deadline),
    )
    const server = runningServer(folder, postmaster, database, stopTimeoutMs)
    await makeDatabase(folder, postmaster.port, database, deadline).catch(
      async (error: unknown) => {
        await server.stop()
        throw error
      },
    )
    log(`PostgreSQL takes connections on port ${postmaster.port}`)
    return server
  } catch (error) {
    releaseFolder(folder)
    throw error
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

async function start(
  folder: DataFolder,
  wanted: number,
  deadline: number,
  attempt: (port: number) => Promise<Postmaster | StartFailure>,
): Promise<Postmaster> {
  for (;;) {
    const port = wanted === 0 ? await freePort() : wanted
    const result = await attempt(port)
    if ('pid' in result) return result
    // A free port may be taken before the server has it; what is busy gets free when the last child is gone.
    const again = result.failed === 'busy' || (result.failed === 'port-taken' && wanted === 0)
    if (!again || Date.now() >= deadline) throw cannotStart(folder, port, result)
    await pause(100)
  }
}

function runningServer(
  folder: DataFolder,
  postmaster: Postmaster,
  database: string,
  stopTimeoutMs: number,
): EmbeddedPostgres {
  const { pid, port } = postmaster
  let over = false
  const ended = postmaster.ended.then(() => {
    over = true
    releaseFolder(folder)
  })
  let stopping: Promise<void> | undefined
  const stop = async () => {
    if ((await stopPostmaster(pid, () => over, stopTimeoutMs)) === 'still-running')
      throw cannotStop(folder, pid)
    await ended
  }
  return {
    url: databaseUrl(folder, port, database),
    port,
    pid,
    ended,
    stop: () => (stopping ??= over ? ended : stop()),
  }
}

function cannotStart(folder: DataFolder, port: number, failure: StartFailure): TailraceError {
  const details = {
    reason: failure.failed.toUpperCase().replace('-', '_'),
    folder: folder.root,
    port,
    lastLines: failure.lastLines,
  }
  if (failure.failed === 'port-taken') {
    return new TailraceError(
      'CONFIG',
      `expected port ${port} to be free, got one in use; give another port, or 0 for any free one`,
      { details },
    )
  }
  const got = failure.failed === 'timeout' ? 'no answer in time' : 'a server that stopped'
  return new TailraceError(
    'UNAVAILABLE',
    `expected PostgreSQL to start on ${folder.root}, got ${got}; its last words (more in ${folder.log}):\n${failure.lastLines}`,
    { details, retryable: failure.failed !== 'stopped' },
  )
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
