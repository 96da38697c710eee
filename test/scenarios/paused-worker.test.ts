import { setTimeout as pause } from 'node:timers/promises'
import { overriding } from '@tailrace/conformance'
import { postgres, postgresTables } from '@tailrace/postgres'
import type { LeaseStore, ReadStore, WriteAdapter } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  committed,
  openAccounts,
  openBank,
  statementOf,
  statementsByHand,
  type Bank,
} from './bank.ts'

// The same with real processes, SIGSTOP and SIGCONT: test/chaos/paused-worker.test.ts.

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

/** Stands still, as a process does that is stopped: calls under way end when it goes on. */
class Pause {
  #going: Promise<void> = Promise.resolve()
  #go: (() => void) | undefined

  begin(): void {
    this.#going = new Promise((resolve) => (this.#go = resolve))
  }

  end(): void {
    this.#go?.()
  }

  /** What is called while it stands still happens when it goes on. */
  hold<A extends unknown[], R>(call: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => {
      await this.#going
      return call(...args)
    }
  }
}

function pausableWrite(url: string, pausing: Pause): WriteAdapter {
  const inner = postgres({ url, onWarning: () => undefined })
  return overriding(inner, {
    async open(app, options) {
      const side = await inner.open(app, options)
      const leases: LeaseStore = overriding(side.leases, {
        claim: pausing.hold((wanted) => side.leases.claim(wanted)),
      })
      return { ...side, leases }
    },
  })
}

function pausableStore(url: string, pausing: Pause): ReadStore {
  const inner = postgresTables({ url })
  return overriding(inner, {
    async open(projection, history) {
      const opened = await inner.open(projection, history)
      return overriding(opened, { apply: pausing.hold((batch) => opened.apply(batch)) })
    },
  })
}

test('a worker that stood still past its lease and goes on counts nothing a second time', async () => {
  const pausing = new Pause()
  const tuning = { worker: { leaseTtlMs: 300 } }
  const { engine } = await bank.process({ roles: ['api', 'sequencer'] })
  await bank.process({
    roles: ['worker'],
    write: pausableWrite(bank.writeUrl, pausing),
    stores: { statements: pausableStore(bank.readUrl, pausing) },
    tuning,
  })
  const accounts = await openAccounts(engine, 20)
  await statementOf(engine, accounts[0]!, await moveAll(engine, accounts))
  await bank.process({ roles: ['worker'], tuning })
  for (let round = 0; round < 3; round++) {
    pausing.begin()
    // Batches are in its hands while the other one takes over: all leases have another owner, after the database's time.
    await moveAll(engine, accounts)
    await pause(500)
    const token = await moveAll(engine, accounts)
    for (const id of accounts) await statementOf(engine, id, token)
    pausing.end()
    await statementOf(engine, accounts[0]!, await moveAll(engine, accounts))
  }
  const token = await moveAll(engine, accounts)
  const found: Record<string, unknown> = {}
  for (const id of accounts) found[id] = await statementOf(engine, id, token)
  expect(found).toEqual(await statementsByHand(bank.pool))
})

async function moveAll(engine: Parameters<typeof committed>[0], ids: string[]): Promise<string> {
  const tokens = await Promise.all(ids.map((id) => committed(engine, 'move', { id, by: 1 })))
  return tokens.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1)).at(-1)!
}

test('a lock that is only a time lets two add the same event', async () => {
  await bank.pool.query(`
    create table naive_lock (holder text, until timestamptz);
    create table naive_total (total int, checkpoint int);
    insert into naive_lock values (null, '-infinity');
    insert into naive_total values (0, 0)`)
  const take = async (holder: string): Promise<boolean> => {
    const { rowCount } = await bank.pool.query(
      `update naive_lock set holder = $1, until = clock_timestamp() + interval '20 ms' where until < clock_timestamp()`,
      [holder],
    )
    return rowCount === 1
  }
  const apply = () => bank.pool.query('update naive_total set total = total + 1, checkpoint = 1')
  const checkpoint = async (): Promise<number> =>
    (await bank.pool.query('select checkpoint from naive_total')).rows[0].checkpoint
  expect(await take('one')).toBe(true)
  const oneSaw = await checkpoint()
  await expect.poll(() => take('two')).toBe(true)
  if ((await checkpoint()) < 1) await apply()
  // The first one goes on with what it knew.
  if (oneSaw < 1) await apply()
  const { rows } = await bank.pool.query('select total from naive_total')
  expect(rows).toEqual([{ total: 2 }])
})
