import { readFileSync, writeFileSync } from 'node:fs'
import type { DataFolder } from './data-folder.ts'
import { commandLine } from './process-identity.ts'

/** What PostgreSQL writes about its first process, the postmaster, into postmaster.pid. */
export interface PostmasterFile {
  readonly pid: number
  readonly port: number
  readonly state: string
}

export function readPostmasterFile(folder: DataFolder): PostmasterFile | undefined {
  try {
    const lines = readFileSync(folder.postmaster, 'utf8').split('\n')
    const pid = Number(lines[0])
    if (!Number.isInteger(pid) || pid <= 0) return undefined
    return { pid, port: Number(lines[3] ?? 0), state: lines[7]?.trim() ?? '' }
  } catch {
    return undefined
  }
}

/** The postmaster that runs on this folder now, whoever started it. */
export function runningPostmaster(folder: DataFolder): PostmasterFile | undefined {
  const file = readPostmasterFile(folder)
  return file !== undefined && isPostmasterOf(folder, file.pid) ? file : undefined
}

export function isPostmasterOf(folder: DataFolder, pid: number): boolean {
  const command = commandLine(pid)
  return command !== undefined && command.includes(`postgres -D ${folder.cluster} `)
}

/**
 * After a crash postmaster.pid names a process that is gone. If its number now belongs to some other process,
 * PostgreSQL takes that one for a running server and refuses to start, for ever. It makes an exception for its own
 * parent, so the number is replaced by ours. The file must stay: it also guards against children that still hold memory.
 */
export function disownPostmasterFile(folder: DataFolder): void {
  const file = readPostmasterFile(folder)
  if (file === undefined || commandLine(file.pid) === undefined || isPostmasterOf(folder, file.pid))
    return
  const lines = readFileSync(folder.postmaster, 'utf8').split('\n')
  writeFileSync(folder.postmaster, [String(process.pid), ...lines.slice(1)].join('\n'))
}
