import { globSync } from 'node:fs'
import { join } from 'node:path'
import { clickhouse } from '@tailrace/clickhouse'
import { elasticsearch } from '@tailrace/elasticsearch'
import { lmdb } from '@tailrace/lmdb'
import { postgresTables } from '@tailrace/postgres'
import { redis } from '@tailrace/redis'
import type { ReadStore } from 'tailrace/adapter'

export interface StoreAdapter {
  readonly title: string
  /** Folder of its package that holds its tests, from the root. */
  readonly folder: string
  /** Its page. */
  readonly page: string
  /** As it declares itself; connected to nothing. */
  readonly store: ReadStore
}

/** The read stores of this repository. */
export const storeAdapters: readonly StoreAdapter[] = [
  {
    title: 'PostgreSQL tables',
    folder: 'packages/postgres/src/read',
    page: 'docs/stores/postgres.md',
    store: postgresTables({ url: 'postgres://nowhere' }),
  },
  {
    title: 'LMDB',
    folder: 'packages/lmdb/src',
    page: 'docs/stores/lmdb.md',
    store: lmdb({ path: 'nowhere' }),
  },
  {
    title: 'Redis',
    folder: 'packages/redis/src',
    page: 'docs/stores/redis.md',
    store: redis({ url: 'redis://nowhere' }),
  },
  {
    title: 'OpenSearch, Elasticsearch',
    folder: 'packages/elasticsearch/src',
    page: 'docs/stores/elasticsearch.md',
    store: elasticsearch({ url: 'http://nowhere' }),
  },
  {
    title: 'ClickHouse',
    folder: 'packages/clickhouse/src',
    page: 'docs/stores/clickhouse.md',
    store: clickhouse({ url: 'http://nowhere', database: 'nowhere' }),
  },
]

export interface BusAdapter {
  readonly title: string
  readonly folder: string
  readonly page: string
}

export const busAdapters: readonly BusAdapter[] = [
  { title: 'Kafka', folder: 'packages/kafka/src', page: 'docs/buses/kafka.md' },
]

const root = join(import.meta.dirname, '../..')

/** The test files of a folder, from the root. */
export function testsIn(folder: string): string[] {
  return globSync(`${folder}/*.test.ts`, { cwd: root }).toSorted()
}
