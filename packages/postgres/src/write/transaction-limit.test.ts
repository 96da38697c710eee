import { app, transactionalCommand } from 'tailrace'
import { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { createExecutor } from '../../../tailrace/src/write/executor.ts'
import { Account, Moved } from '../../../../test/support/shop-app.ts'
import { shopDatabase, type ShopDatabase } from '../../../../test/support/shop-store.ts'

let database: ShopDatabase

beforeAll(async () => {
  database = await shopDatabase()
})

afterAll(() => database.drop())

test.each([
  ['waits for something else', 'select 1'],
  ['waits for the database', 'select pg_sleep(0.5)'],
])(
  'a command that %s beyond its limit is rolled back and gives its connection back',
  async (_, sql) => {
    const pool = new Pool({ connectionString: database.url, max: 1 })
    const failures: unknown[] = []
    const common = { input: z.object({ id: z.string() }), may: 'anyone' } as const
    const hang = transactionalCommand('hang', {
      ...common,
      target: ({ id }) => id,
      async run({ emit, tx, input: { id } }) {
        await emit(Account, id, Moved({ by: 5 }))
        for (;;) await (sql === 'select 1' ? new Promise(() => {}) : tx.query(sql))
      },
    })
    const move = transactionalCommand('move', {
      ...common,
      target: ({ id }) => id,
      run: ({ emit, input: { id } }) => emit(Account, id, Moved({ by: 1 })),
    })
    const executor = createExecutor({
      app: app({ aggregates: { Account }, commands: { hang, move }, projections: {}, queries: {} }),
      store: await database.store({ pool }),
      clock: systemClock(),
      identity: () => ({ systemId: '0123456789abcdef', epoch: 1 }),
      options: {
        transactionMs: 200,
        transactionsMax: 1,
        onFailure: (error) => failures.push(error),
      },
    })
    const input = { id: sql }
    expect(await executor.submit('hang', input)).toMatchObject({ code: 'COMMAND_FAILED' })
    expect(failures).toMatchObject([{ code: 'COMMAND_TIMED_OUT' }])
    expect(await executor.submit('move', input)).toMatchObject({ kind: 'committed', version: 1 })
    expect(await database.one('select balance::int from accounts where id = $1', [sql])).toBe(1)
    await executor.close()
    await pool.end()
  },
)
