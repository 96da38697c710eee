import { existsSync } from 'node:fs'
import { databaseUrl, openDataFolder } from './data-folder.ts'
import { livingOwner } from './owner.ts'
import { runningPostmaster } from './postmaster-file.ts'

export interface RunningEmbeddedPostgres {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** The process that started the server and that the server stops with. */
  readonly ownerPid: number
}

/**
 * The server that another living process runs on a data folder, for a second process that wants to use it; undefined
 * when there is none, or when it is still starting or was left behind.
 */
export function runningEmbeddedPostgres(
  dataDir: string,
  database: string,
): RunningEmbeddedPostgres | undefined {
  if (!existsSync(dataDir)) return undefined
  const folder = openDataFolder(dataDir)
  const ownerPid = livingOwner(folder)
  const postmaster = runningPostmaster(folder)
  if (ownerPid === undefined || postmaster?.state !== 'ready') return undefined
  return {
    url: databaseUrl(folder, postmaster.port, database),
    port: postmaster.port,
    pid: postmaster.pid,
    ownerPid,
  }
}
