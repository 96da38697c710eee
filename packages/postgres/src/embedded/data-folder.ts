import { mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The paths inside the data folder of one embedded server. */
export interface DataFolder {
  readonly root: string
  /** PostgreSQL's own data directory. */
  readonly cluster: string
  readonly log: string
  readonly owner: string
  readonly password: string
  readonly postmaster: string
}

export function dataFolder(path: string): DataFolder {
  const root = resolve(path)
  const cluster = join(root, 'cluster')
  return {
    root,
    cluster,
    log: join(root, 'server.log'),
    owner: join(root, 'owner.json'),
    password: join(root, 'password'),
    postmaster: join(cluster, 'postmaster.pid'),
  }
}

/** Makes the folder where it is missing. The path is the real one, so that a process can be recognized by it. */
export function openDataFolder(path: string): DataFolder {
  mkdirSync(path, { recursive: true, mode: 0o755 })
  return dataFolder(realpathSync(path))
}

/** The address of a database on the server of this folder. */
export function databaseUrl(folder: DataFolder, port: number, database: string): string {
  const password = readFileSync(folder.password, 'utf8').trim()
  return `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
}
