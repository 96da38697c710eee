import { afterAll, beforeAll, expect, test } from 'vitest'
import { compareSeed, disagreementText, smallest } from './compare.ts'
import { deviations } from './deviations.ts'
import { RealServer } from './real-side.ts'

// The same random histories of transactions, snapshots and waits on the simulated PostgreSQL and on the real one.

let server: RealServer

beforeAll(async () => {
  server = await RealServer.start()
})

afterAll(() => server.stop())

test('the simulated PostgreSQL and the real one agree after every step of 80 random histories', async () => {
  let waits = 0
  for (let seed = 1; seed <= 80; seed++) {
    const compared = await compareSeed(server, seed)
    waits += compared.waits
    const { disagreement } = compared
    if (disagreement === undefined) continue
    throw new Error(disagreementText(seed, await smallest(server, disagreement)))
  }
  expect(waits).toBeGreaterThan(40)
})

/** A seed that finds it out, where the first ones do not. Seeds move when the simulated server changes. */
const known: Readonly<Record<string, number>> = {
  'a unique key is not waited for': 53,
  'a snapshot does not list who is running': 24,
  'a rollback to a savepoint keeps its locks': 485,
}

test.for(Object.entries(deviations))('finds out when %s', async ([name, deviation]) => {
  const seeds = [known[name] ?? 1, ...Array.from({ length: 120 }, (_, i) => i + 1)]
  for (const seed of seeds)
    if ((await compareSeed(server, seed, deviation)).disagreement !== undefined) return
  throw new Error('expected a disagreement within 120 histories, got none')
})

test('shows a disagreement as a history that is as short as it gets', async () => {
  const deviation = deviations['a transaction has its id from its beginning']!
  const { disagreement } = await compareSeed(server, 1, deviation)
  const shown = await smallest(server, disagreement!, deviation)
  expect(disagreementText(1, shown).split('\n')).toEqual([
    'seed 1: they differ after the last of',
    expect.stringMatching(/^ {3}1 s\d begin$/),
    expect.stringMatching(/^running: simulated \[s\d\]$/),
    expect.stringMatching(/real {6}\[\]$/),
  ])
})
