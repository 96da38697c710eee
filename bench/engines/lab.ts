import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { embeddedPostgres, type EmbeddedPostgres } from '@tailrace/postgres/embedded'
import { Client } from 'pg'

/** The servers and folders that goals run on. One server per model, as an application has them, shared by all goals. */
export interface Lab {
  /** Where everything is kept. */
  readonly root: string
  /** Length of one measured window, seconds. */
  readonly seconds: number
  /** Length of what is to hold for long. */
  readonly minutes: number
  /** An empty database on the server of this model. The server starts at the first call. */
  database(model: Model): Promise<LabDatabase>
  /** An empty folder on the same disk. */
  folder(name: string): string
  /** The first processes of the servers that run, for CPU accounting. */
  serverPids(): readonly number[]
  close(): Promise<void>
}

export type Model = 'write' | 'read'

export interface LabDatabase {
  readonly url: string
  /** Runs statements that take no parameters. */
  run(sql: string): Promise<void>
  /** The rows of one statement. */
  rows<T>(sql: string): Promise<T[]>
}

/** Durable as in production; large enough that no window meets a checkpoint. */
const settings = {
  shared_buffers: '1GB',
  max_connections: 200,
  max_wal_size: '8GB',
  min_wal_size: '2GB',
  checkpoint_timeout: '30min',
  wal_level: 'logical',
  max_wal_senders: 10,
  max_replication_slots: 10,
}

/** `root`: where data is kept while it runs; removed at the end. */
export function openLab(root: string, seconds: number, minutes: number): Lab {
  const home = join(resolve(root), `bench-${process.pid}`)
  mkdirSync(home, { recursive: true })
  removeLeftBehind(root)
  const servers = new Map<Model, Promise<EmbeddedPostgres>>()
  const started: EmbeddedPostgres[] = []
  let made = 0
  const server = (model: Model): Promise<EmbeddedPostgres> => {
    let starting = servers.get(model)
    if (starting === undefined) {
      starting = embeddedPostgres({ dataDir: join(home, model), database: 'bench', settings })
      servers.set(model, starting)
      void starting.then((one) => started.push(one)).catch(() => undefined)
    }
    return starting
  }
  return {
    root,
    seconds,
    minutes,
    async database(model) {
      const { url } = await server(model)
      const name = `bench_${++made}`
      await onServer(url, (client) => client.query(`create database ${name}`))
      const own = new URL(url)
      own.pathname = `/${name}`
      return {
        url: own.href,
        run: (sql) => onServer(own.href, (client) => client.query(sql)).then(() => undefined),
        rows: async <T>(sql: string) =>
          (await onServer(own.href, (client) => client.query(sql))).rows as T[],
      }
    },
    folder(name) {
      const path = join(home, `${name}-${++made}`)
      mkdirSync(path)
      return path
    },
    serverPids: () => started.map(({ pid }) => pid),
    async close() {
      await Promise.allSettled(servers.values())
      await Promise.all(started.map((one) => one.stop()))
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** What runs left that were killed. */
function removeLeftBehind(root: string): void {
  for (const name of readdirSync(root)) {
    const pid = /^bench-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(root, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function onServer<T>(url: string, body: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await body(client)
  } finally {
    await client.end()
  }
}
