import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import {
  chooseAccount,
  giveTo,
  type Account,
} from '../../packages/postgres/src/embedded/account.ts'
import { freePort } from '../../packages/postgres/src/embedded/free-port.ts'

export interface TestServer {
  readonly url: string
  readonly version: string
  /** To be removed after `stop`. */
  readonly folder: string
  stop(): Promise<void>
}

// Nothing survives the run, so nothing is flushed; the rest is what the test run's own server has.
const settings = [
  'fsync=off',
  'full_page_writes=off',
  'max_connections=300',
  'wal_level=logical',
  'timezone=UTC',
  'jit=off',
]

/** Starts a throw-away server from the folder that holds `bin`. */
export async function startServer(programs: string): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-postgres-'))
  const account = chooseAccount()
  giveTo(account, folder)
  const data = join(folder, 'data')
  const initdb = launch(account, join(programs, 'bin', 'initdb'), [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-instructions',
    '--no-sync',
  ])
  const [code] = (await once(initdb, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`expected initdb to make ${data}, got exit code ${code}`)
  const port = await freePort()
  const server = launch(account, join(programs, 'bin', 'postgres'), [
    '-D',
    data,
    '-p',
    String(port),
    '-h',
    '127.0.0.1',
    '-k',
    '',
    ...settings.flatMap((setting) => ['-c', setting]),
  ])
  const ended = once(server, 'exit')
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const stop = async () => {
    server.kill('SIGINT')
    await ended
  }
  process.once('exit', () => server.kill('SIGQUIT'))
  try {
    return { url, folder, stop, version: await versionWhenReady(url, server) }
  } catch (error) {
    await stop()
    throw error
  }
}

function launch(account: Account, program: string, options: readonly string[]): ChildProcess {
  const [command, ...args] = [...account.prefix, program, ...options]
  return spawn(command!, args, {
    stdio: 'ignore',
    ...(account.uid !== undefined && { uid: account.uid }),
    ...(account.gid !== undefined && { gid: account.gid }),
  })
}

async function versionWhenReady(url: string, server: ChildProcess): Promise<string> {
  for (let attempt = 0; attempt < 600 && server.exitCode === null; attempt++) {
    const client = new Client({ connectionString: url })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const { rows } = await client.query<{ server_version: string }>('show server_version')
      return rows[0]!.server_version
    } catch {
      await pause(100)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  throw new Error(`expected PostgreSQL to take connections on ${url}, got none within a minute`)
}
