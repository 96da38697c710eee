import type { EmbeddedPostgresOptions } from '@tailrace/postgres/embedded'

/**
 * Settings of the servers that tests use. Durability is off: nothing survives the test anyway. A test about durability
 * starts a server of its own with `embeddedPostgres()`.
 */
export const testSettings: NonNullable<EmbeddedPostgresOptions['settings']> = {
  fsync: false,
  synchronous_commit: true,
  full_page_writes: false,
  max_connections: 300,
  wal_level: 'logical',
  max_prepared_transactions: 20,
}
