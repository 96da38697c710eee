import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedPostgres } from '@tailrace/postgres/embedded'
import type { FreshDatabase } from './postgres.ts'
import { testSettings } from './test-settings.ts'

/**
 * An empty database on a server that nobody else uses; starting it takes some seconds, so a test file starts one.
 *
 * Transaction ids and snapshots belong to the whole server: a transaction in another database of the shared one, such
 * as the making of a database, holds `pg_snapshot_xmin` back. Tests of what a snapshot shows need this.
 */
export async function ownServer(): Promise<FreshDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-test-'))
  const server = await embeddedPostgres({
    dataDir: folder,
    database: 'test',
    settings: testSettings,
  })
  return {
    url: server.url,
    async drop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
