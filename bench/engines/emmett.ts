import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Pool } from 'pg'

/** The event store that appends are compared with. */
export const emmettVersion = '0.42.0'

interface EmmettStore {
  appendToStream(stream: string, events: readonly object[]): Promise<unknown>
  close(): Promise<void>
}

interface EmmettModule {
  getPostgreSQLEventStore(
    url: string,
    options: { readonly connectionOptions: { readonly pooled: true; readonly pool: Pool } },
  ): EmmettStore
}

/**
 * Emmett's event store for PostgreSQL on a pool of `connections`. It is no dependency of this repository: the first use
 * installs it into a folder of its own below `root`. Throws when it cannot be had.
 */
export async function openEmmett(
  root: string,
  url: string,
  connections: number,
): Promise<{ append(stream: string, data: object): Promise<unknown>; close(): Promise<void> }> {
  const { getPostgreSQLEventStore } = await loadEmmett(root)
  const pool = new Pool({ connectionString: url, max: connections })
  // Its connections end with the server at the latest.
  pool.on('error', () => undefined)
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pooled: true, pool } })
  return {
    append: (stream, data) => store.appendToStream(stream, [{ type: 'Noted', data }]),
    async close() {
      await store.close()
      await pool.end().catch(() => undefined)
    },
  }
}

async function loadEmmett(root: string): Promise<EmmettModule> {
  const folder = join(resolve(root), `emmett-${emmettVersion}`)
  const entry = join(folder, 'entry.mjs')
  if (!existsSync(entry)) {
    await install(folder)
    writeFileSync(
      entry,
      `export { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'\n`,
    )
  }
  return (await import(pathToFileURL(entry).href)) as EmmettModule
}

async function install(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const dependencies = {
    '@event-driven-io/emmett': emmettVersion,
    '@event-driven-io/emmett-postgresql': emmettVersion,
  }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'emmett-for-bench', private: true, type: 'module', dependencies }),
  )
  try {
    await promisify(execFile)(
      'npm',
      ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'],
      { cwd: folder, timeout: 300_000 },
    )
  } catch (cause) {
    throw new Error(
      `expected to install Emmett ${emmettVersion} from the npm registry into ${folder}, got a failure; run this goal where the registry answers, or leave it out`,
      { cause },
    )
  }
}
