import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Account } from './account.ts'
import type { DataFolder } from './data-folder.ts'
import { tieToThisProcess } from './lifeline.ts'
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts'
import type { Programs } from './programs.ts'

/** One run of the server's first process, started by this process. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  /** Resolves when the process has ended, whatever ended it. */
  readonly ended: Promise<void>
}

/** Why a start did not succeed. `busy` passes by itself: children of a killed server still hold its memory. */
export type StartFailure = {
  readonly failed: 'port-taken' | 'busy' | 'stopped' | 'timeout'
  readonly lastLines: string
}

const logBytesMax = 10 * 1024 * 1024

/** Starts the server and waits until it takes connections, or says why it does not. */
export async function startPostmaster(
  folder: DataFolder,
  programs: Programs,
  account: Account,
  port: number,
  deadline: number,
): Promise<Postmaster | StartFailure> {
  const logStart = rotateLog(folder)
  const log = openSync(folder.log, 'a')
  const options = ['-D', folder.cluster, '-p', String(port), '-h', '127.0.0.1', '-k', '']
  const [command, ...args] = [...account.prefix, programs.postgres, ...options] as [
    string,
    ...string[],
  ]
  const child = spawn(command, args, {
    // Its own session, so that Ctrl-C in a terminal reaches the application, which then stops its servers in order.
    detached: true,
    stdio: ['ignore', log, log],
    ...(account.uid !== undefined && { uid: account.uid }),
    ...(account.gid !== undefined && { gid: account.gid }),
  })
  closeSync(log)
  child.unref()
  const letGo = child.pid === undefined ? () => undefined : tieToThisProcess(child.pid)
  let over = false
  const ended = new Promise<void>((done) => {
    const end = () => {
      over = true
      letGo()
      done()
    }
    child.once('exit', end)
    child.once('error', end)
  })

  while (!over && Date.now() < deadline) {
    const file = readPostmasterFile(folder)
    if (file?.pid === child.pid && file?.state === 'ready') return { pid: file!.pid, port, ended }
    await pause(10)
  }
  const lastLines = tail(folder, logStart)
  if (over) return { failed: reasonIn(lastLines), lastLines }
  await stopPostmaster(child.pid!, () => over, 5_000)
  return { failed: 'timeout', lastLines }
}

function reasonIn(lastLines: string): StartFailure['failed'] {
  if (lastLines.includes('Address already in use')) return 'port-taken'
  return /shared memory block|lock file/.test(lastLines) ? 'busy' : 'stopped'
}

/** How a server ended: it shut down, had to be made to (it recovers at its next start), or is still there. */
export type Stopped = 'shut-down' | 'aborted' | 'still-running'

/** Asks for a fast shutdown; after the time given, for an immediate one. */
export async function stopPostmaster(
  pid: number,
  over: () => boolean,
  waitMs: number,
): Promise<Stopped> {
  for (const [signal, ms, outcome] of [
    ['SIGINT', waitMs, 'shut-down'],
    ['SIGQUIT', 5_000, 'aborted'],
  ] as const) {
    send(pid, signal)
    const deadline = Date.now() + ms
    while (!over() && Date.now() < deadline) await pause(10)
    if (over()) return outcome
  }
  return 'still-running'
}

/** Stops a server that another process left behind on this folder. */
export function stopOrphan(folder: DataFolder, pid: number, waitMs: number): Promise<Stopped> {
  return stopPostmaster(pid, () => !isPostmasterOf(folder, pid), waitMs)
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Keeps one older log. Returns where this start's lines will begin. */
function rotateLog(folder: DataFolder): number {
  const size = statSync(folder.log, { throwIfNoEntry: false })?.size ?? 0
  if (size < logBytesMax) return size
  rmSync(`${folder.log}.1`, { force: true })
  renameSync(folder.log, `${folder.log}.1`)
  return 0
}

function tail(folder: DataFolder, from: number): string {
  try {
    return readFileSync(folder.log)
      .subarray(from)
      .toString('utf8')
      .trim()
      .split('\n')
      .slice(-6)
      .join('\n')
  } catch {
    return ''
  }
}
