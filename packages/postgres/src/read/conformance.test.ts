import { test } from 'vitest'
import { readStoreSuite } from '@tailrace/conformance'
import { freshDatabase } from '../../../../test/support/postgres.ts'
import { postgresTables } from './postgres-tables.ts'

readStoreSuite({
  test,
  name: 'postgres',
  create: async () => postgresTables({ url: (await freshDatabase()).url }),
})
