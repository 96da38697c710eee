import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../../../../test/support/postgres.ts'
import { history, moveTo, Notes, Tally } from '../../test/models.ts'
import { postgresTables, type PostgresTablesOptions } from './postgres-tables.ts'

const script = new URL('../../test/stuck-writer.ts', import.meta.url).pathname

let database: FreshDatabase
let child: ChildProcess
let lines: Interface
beforeEach(async () => {
  database = await freshDatabase()
})
afterEach(async () => {
  child.kill('SIGKILL')
  await database.drop()
})

async function nextLine(): Promise<string> {
  return ((await once(lines, 'line')) as [string])[0]
}

/** A process that stands in the middle of a write, frozen: its connections stay open, and say nothing. */
async function frozen(what: 'load' | 'sql', fence: bigint): Promise<void> {
  child = spawn(
    process.execPath,
    ['--conditions=source', script, database.url, what, String(fence)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  lines = createInterface({ input: child.stdout! })
  expect(await nextLine()).toBe('stuck')
  child.kill('SIGSTOP')
}

async function thawed(): Promise<string> {
  child.kill('SIGCONT')
  child.stdin!.write('go on\n')
  return nextLine()
}

async function* pages() {
  yield [{ key: 'b', document: { by: 'second' }, position: 2n }]
}

const impatient: Omit<PostgresTablesOptions, 'url'> = { answerTimeoutMs: 2_000 }

test.for([3n, 4n])(
  'a bulk load under fence %s takes over from one under fence 3 whose process is frozen',
  async (fence) => {
    await frozen('load', 3n)
    const store = postgresTables({ url: database.url, ...impatient })
    try {
      const opened = await store.open(Notes, history)
      await opened.bulkLoad(pages(), [moveTo(fence, 6n)])
      expect(await thawed()).toMatch(/UNAVAILABLE|PROJECTION_FENCED/)
      expect((await opened.checkpoints()).get(0)).toMatchObject({ position: 6n, fence })
      expect([...(await opened.load(['a', 'b'])).keys()]).toEqual(['b'])
    } finally {
      await store.close()
    }
  },
)

test('a bulk load under a lower fence than that of a frozen one is refused, and that one goes on', async () => {
  await frozen('load', 3n)
  const store = postgresTables({ url: database.url, ...impatient })
  try {
    const opened = await store.open(Notes, history)
    await expect(opened.bulkLoad(pages(), [moveTo(2n, 6n)])).rejects.toMatchObject({
      code: 'PROJECTION_FENCED',
    })
    expect(await thawed()).toBe('written')
    expect([...(await opened.load(['a', 'b'])).keys()]).toEqual(['a'])
  } finally {
    await store.close()
  }
})

test('what a frozen process holds in the middle of a handler is taken from it', async () => {
  const first = postgresTables({ url: database.url })
  await first.open(Tally, history)
  await first.close()
  await frozen('sql', 3n)
  const store = postgresTables({ url: database.url, ...impatient })
  try {
    const opened = await store.open(Tally, history)
    const write = () =>
      opened.applySql({
        moves: [moveTo(4n, 6n)],
        groups: [],
        park: [],
        parkOf: () => undefined as never,
      })
    await expect.poll(write, { timeout: 30_000, interval: 100 }).toEqual([])
    expect(await thawed()).toMatch(/UNAVAILABLE|PROJECTION_FENCED/)
    expect((await opened.checkpoints()).get(0)).toMatchObject({ position: 6n, fence: 4n })
  } finally {
    await store.close()
  }
}, 60_000)
