import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { lmdb } from '@tailrace/lmdb'
import { postgres, postgresTables } from '@tailrace/postgres'
import { start, type Running } from 'tailrace'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { counterApp, counterTables } from '../support/counter-app.ts'
import { quietPool } from '../support/event-log.ts'
import { freshDatabase, type FreshDatabase } from '../support/postgres.ts'

// On the stores that are servers of their own: test/scenarios/*.engine.test.ts, and each store's suite.

let write: FreshDatabase
let read: FreshDatabase
let folder: string
let running: Running
beforeAll(async () => {
  ;[write, read] = await Promise.all([freshDatabase(), freshDatabase()])
  const pool = quietPool({ connectionString: write.url })
  await pool.query(counterTables)
  await pool.end()
  folder = mkdtempSync(join(tmpdir(), 'tailrace-token-'))
  running = await start(counterApp(), {
    write: postgres({ url: write.url, onWarning: () => undefined }),
    stores: {
      totals: lmdb({ path: join(folder, 'totals') }),
      'total-tables': postgresTables({ url: read.url }),
    },
  })
})
afterAll(async () => {
  await running.stop()
  rmSync(folder, { recursive: true })
  await Promise.all([write.drop(), read.drop()])
})

async function add(id: string): Promise<string> {
  const outcome = await running.engine.command('add', { id, by: 1 })
  if (outcome.kind !== 'committed') throw new Error(JSON.stringify(outcome))
  return outcome.token
}

const stores = [
  { store: 'LMDB', query: 'total', projection: 'totals' },
  { store: 'PostgreSQL tables', query: 'totalFromTables', projection: 'total-tables' },
]

test.each(stores)(
  '$store: an answer is never older than its token, or says that it is',
  async ({ query, projection }) => {
    const { engine } = running
    const id = `of-${projection}`
    const ask = (token: string, options: object) =>
      engine.query(query, { id }, { tokens: [token], ...options })
    for (let n = 1; n <= 100; n++) {
      const answer = await ask(await add(id), { consistency: 'strict', waitMs: 5_000 })
      expect(answer).toMatchObject({ kind: 'answer', data: { total: n }, meta: { stale: false } })
    }
    // The read model stands still: what is answered is older, and says so; whoever insists is refused.
    await engine.setPaused(projection, true)
    let own = 100
    let token = ''
    // Workers hear of it with their next look at their leases: until then, answers are as new as ever.
    const standsStill = async (): Promise<boolean> => {
      token = await add(id)
      own++
      await pause(300)
      const answer = await ask(token, { waitMs: 50 })
      if (answer.kind !== 'answer') throw new Error(answer.message)
      const { total } = answer.data as { total: number }
      // What is said of an answer may be less than what it holds, never more.
      if (answer.meta.behindToken !== true) expect(total).toBe(own)
      return total < own
    }
    await expect.poll(standsStill).toBe(true)
    expect(await ask(token, { waitMs: 50 })).toMatchObject({
      kind: 'answer',
      data: { total: own - 1 },
      meta: { stale: true, behindToken: true },
    })
    expect(await ask(token, { consistency: 'strict', waitMs: 50 })).toMatchObject({
      kind: 'refused',
      code: 'NOT_CAUGHT_UP',
    })
    // Whoever gives no token gets the older answer, and not a word about its own command.
    const naive = await engine.query(query, { id }, { waitMs: 0 })
    expect(naive).toMatchObject({ kind: 'answer', data: { total: own - 1 } })
    expect(naive).not.toHaveProperty('meta.behindToken')
    await engine.setPaused(projection, false)
    await expect
      .poll(() => ask(token, { consistency: 'strict', waitMs: 1_000 }))
      .toMatchObject({ kind: 'answer', data: { total: own } })
  },
)
