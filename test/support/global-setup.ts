import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedPostgres, type EmbeddedPostgres } from '@tailrace/postgres/embedded'
import { testSettings } from './test-settings.ts'

/**
 * Vitest runs this once, in its main process. The PostgreSQL server that all test files share starts when the first of
 * them connects to the doorbell below (see postgres.ts), so a run that needs no database does not wait for one.
 */
export async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-test-'))
  let starting: Promise<EmbeddedPostgres> | undefined
  const doorbell = createServer((socket) => {
    socket.on('error', () => undefined)
    starting ??= embeddedPostgres({ dataDir: folder, database: 'postgres', settings: testSettings })
    starting.then(
      ({ url }) => socket.end(JSON.stringify({ url })),
      (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
    )
  })
  await new Promise<void>((done) => doorbell.listen(0, '127.0.0.1', done))
  process.env['TAILRACE_TEST_DOORBELL'] = String((doorbell.address() as AddressInfo).port)

  return async () => {
    await new Promise((done) => doorbell.close(done))
    await (await starting?.catch(() => undefined))?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
