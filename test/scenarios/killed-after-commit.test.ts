import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  openAccounts,
  openBank,
  statementsByHand,
  statementOf,
  committed,
  type Bank,
} from './bank.ts'

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

const script = new URL('commit-and-die.ts', import.meta.url).pathname

/** A process that takes commands and nothing else, and kills itself with `SIGKILL` as soon as `answers` are committed. */
async function commitAndDie(answers: number): Promise<NodeJS.Signals | null> {
  const child = spawn(
    process.execPath,
    ['--conditions=source', script, bank.writeUrl, bank.readUrl, String(answers)],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal
}

test('what was committed by a process that was killed before it could tell anyone has its effect, once', async () => {
  const { engine } = await bank.process({ roles: ['api'] })
  const accounts = await openAccounts(engine, 10)
  for (const answers of [1, 7, 40]) expect(await commitAndDie(answers)).toBe('SIGKILL')
  const moved = await statementsByHand(bank.pool)
  expect(
    Object.values(moved).reduce((sum, { balance }) => sum + balance, 0),
  ).toBeGreaterThanOrEqual(48)
  // Nobody has given positions or written read models so far. Two processes that do so begin at once.
  await Promise.all([bank.process(), bank.process()])
  const token = await committed(engine, 'move', { id: accounts[0], by: 0 })
  const found: Record<string, unknown> = {}
  for (const id of accounts) found[id] = await statementOf(engine, id, token)
  expect(found).toEqual(await statementsByHand(bank.pool))
})

test('what is published after the commit by the process itself is lost with it', async () => {
  await bank.pool.query('create table naive_orders (id int)')
  const published: number[] = []
  const place = async (id: number, killed: boolean): Promise<void> => {
    await bank.pool.query('insert into naive_orders values ($1)', [id])
    if (!killed) published.push(id)
  }
  for (const id of [1, 2, 3]) await place(id, id === 2)
  const { rows } = await bank.pool.query('select id from naive_orders order by id')
  expect(rows.map(({ id }) => id as number)).not.toEqual(published)
})
