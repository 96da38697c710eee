import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { TailraceError } from 'tailrace/adapter'
import { giveTo, type Account } from './account.ts'
import type { DataFolder } from './data-folder.ts'
import type { Programs } from './programs.ts'
import type { ServerPlace } from './start-server.ts'

/**
 * Makes the cluster once. It is made under another name and renamed when it is complete, so a process that is killed
 * meanwhile leaves no half cluster behind. Returns whether it had to be made.
 */
export async function makeCluster({ folder, programs, account }: ServerPlace): Promise<boolean> {
  removeLeftovers(folder)
  if (existsSync(join(folder.cluster, 'PG_VERSION'))) return false
  const draft = join(folder.root, `cluster.new-${process.pid}`)
  mkdirSync(draft, { mode: 0o700 })
  writeFileSync(folder.password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  giveTo(account, folder.root)
  await initdb(draft, folder, programs, account)
  renameSync(draft, folder.cluster)
  return true
}

function removeLeftovers(folder: DataFolder): void {
  for (const name of readdirSync(folder.root)) {
    if (name.startsWith('cluster.new-'))
      rmSync(join(folder.root, name), { recursive: true, force: true })
  }
}

function initdb(
  draft: string,
  folder: DataFolder,
  programs: Programs,
  account: Account,
): Promise<void> {
  const options = [
    ['-D', draft],
    ['--username=postgres'],
    ['--auth=scram-sha-256', `--pwfile=${folder.password}`],
    ['-c', 'scram_iterations=1'],
    // Sorting by code point, built into the server: the same on every machine and in every version of its libraries.
    ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    platform() === 'darwin' ? ['--locale=C', '--lc-ctype=UTF-8'] : ['--locale=C.UTF-8'],
    ['--no-instructions'],
  ].flat()
  const [command, ...args] = [...account.prefix, programs.initdb, ...options] as [
    string,
    ...string[],
  ]
  return new Promise((done, failed) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(account.uid !== undefined && { uid: account.uid }),
      ...(account.gid !== undefined && { gid: account.gid }),
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.once('error', (error) => failed(initdbFailed(folder, account, String(error), error)))
    child.once('close', (code) =>
      code === 0 ? done() : failed(initdbFailed(folder, account, output)),
    )
  })
}

function initdbFailed(
  folder: DataFolder,
  account: Account,
  output: string,
  cause?: unknown,
): TailraceError {
  const last = output.trim().split('\n').slice(-3).join(' | ')
  const remedy =
    account.kind === 'nobody'
      ? 'PostgreSQL refuses root and user namespaces are not allowed here, so it runs as "nobody", which must be able to reach this folder and the installed packages; run as an ordinary user, or give the URL of a server'
      : 'see that the folder can be written and the disk has room, or give the URL of a server'
  return new TailraceError(
    'UNAVAILABLE',
    `expected initdb to make a cluster in ${folder.root}, got "${last}"; ${remedy}`,
    {
      cause,
      details: { reason: 'INITDB_FAILED', folder: folder.root },
    },
  )
}
