import type { ReadStore } from 'tailrace/adapter'
import { describe, expect, test } from 'vitest'
import { versionedStore, type Defects } from '../../test/versioned-store.ts'
import { readStoreSuite } from '../read-store-suite.ts'
import { versionedRequirements } from './versioned.ts'

/** Runs the whole suite and gives the requirements that are not met. */
async function unmet(create: () => ReadStore): Promise<string[]> {
  const runs: [string, () => Promise<void>][] = []
  readStoreSuite({
    name: 'it',
    create: async () => create(),
    test: (name, body) => void runs.push([name, body]),
  })
  const names: string[] = []
  for (const [name, body] of runs) {
    const failure = await body().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failure !== undefined) names.push(name.replace('it: ', ''))
  }
  return names
}

const names = versionedRequirements.map(({ name }) => name)

test('a store that keeps positions with its documents meets every requirement', async () => {
  expect(await unmet(() => versionedStore())).toEqual([])
})

test('a store that does nothing meets no requirement of the versioned guarantee', async () => {
  const found = await unmet(() =>
    versionedStore({ batch: (batch) => ({ ...batch, moves: [], changes: [], park: [] }) }),
  )
  expect(found.filter((name) => names.includes(name))).toEqual(names)
})

describe('the suite finds a store that', () => {
  const planted: Readonly<Record<string, Partial<Defects>>> = {
    'lets the last writer win': { wins: () => true },
    'forgets what it deleted': { tombstone: () => undefined },
    'lets an older deletion through': {
      wins: ({ document, position }, stored) =>
        stored === undefined || document === null || position > stored.position,
    },
    'compares positions as numbers': {
      wins: ({ position }, stored) =>
        stored === undefined || Number(position) > Number(stored.position),
    },
    'compares positions as text': {
      wins: ({ position }, stored) =>
        stored === undefined || String(position) > String(stored.position),
    },
    'does not look at fences': { allowed: (move, stored) => stored?.position === move.from },
    'does not look where its checkpoint stands': {
      allowed: (move, stored) => stored === undefined || stored.fence <= move.fence,
    },
    'lets a bulk load under any fence take over': { takesOver: () => true },
    'lets no bulk load take over from one under the same fence': {
      takesOver: (fence, underWay) => fence > underWay,
    },
    'never finds what is ahead of a checkpoint': { held: () => false },
    'finds what is ahead of a checkpoint one position too late': {
      held: (position, after, through) => position > after + 1n && position <= through,
    },
    'finds what is ahead of a checkpoint one position too early': {
      held: (position, after, through) => position >= after && position <= through,
    },
    'leaves documents out that come without a checkpoint': {
      batch: (batch) => (batch.moves.length === 0 ? { ...batch, changes: [] } : batch),
    },
  }
  for (const [what, defects] of Object.entries(planted)) {
    test(what, async () => {
      expect(await unmet(() => versionedStore(defects))).not.toEqual([])
    })
  }
})
