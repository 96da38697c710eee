import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../support/postgres.ts'
import { areas, type AreaName } from './areas.ts'
import { runArea, type FuzzArea } from './fuzz-area.ts'

// The short profile of `npm run fuzz`.

let databases: FreshDatabase[]

beforeAll(async () => {
  databases = await Promise.all([freshDatabase(), freshDatabase()])
})

afterAll(() => Promise.all(databases.map((database) => database.drop())))

async function fuzz(name: AreaName, to: number): Promise<void> {
  const area = await areas[name](databases[0]!.url, databases[1]!.url)
  const lines: string[] = []
  try {
    const { failed } = await runArea(area, { from: 1, to }, {}, (line) => lines.push(line))
    // The last line is the summary.
    expect([failed, lines.slice(0, -1)]).toEqual([0, []])
  } finally {
    await area.close()
  }
}

test('whatever is sent to the order system over HTTP, nothing of ours breaks and the ledger is exact', () =>
  fuzz('http', 8))

test('whatever arrives from a bus is refused by name, and readers are served the log', () =>
  fuzz('bus', 25))

test('what a seed finds, and what is found in the end, counts as failed and is told', async () => {
  const area: FuzzArea = {
    name: 'broken',
    run: async (seed) => (seed === 2 ? ['a breach'] : []),
    finish: async () => ['another breach'],
    summary: () => 'done',
    close: async () => undefined,
  }
  const lines: string[] = []
  expect(await runArea(area, { from: 1, to: 3 }, {}, (line) => lines.push(line))).toEqual({
    passed: 2,
    failed: 2,
  })
  expect(lines).toEqual([
    'broken seed 2: a breach',
    'broken in the end: another breach',
    'broken: done',
  ])
})
