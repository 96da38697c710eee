import { expect, test } from 'vitest'
import type { Checkpoint, ProjectionStore, ReadSnapshot } from '../ports/read-store.ts'
import type { Freshness } from './freshness.ts'
import { openReads, shownAtMost } from './open-read.ts'

interface Fake {
  readonly store: ProjectionStore
  readonly released: () => boolean
}

/** A store of a server: its snapshots are of position 7, and others of its server join them. */
function fake(server: string, name: string, servers: Map<ProjectionStore, string>): Fake {
  let released = false
  const snapshot: ReadSnapshot = {
    checkpoints: new Map([[0, { position: 7n } as Checkpoint]]),
    anyParked: false,
    parkedAmong: async () => [],
    reader: `snapshot of ${name}` as never,
    release: () => void (released = true),
  }
  const store = {
    snapshot: async () => snapshot,
    snapshotWith(others: readonly ProjectionStore[]) {
      if (others.some((other) => servers.get(other) !== server)) return undefined
      return Promise.all([snapshot, ...others.map((other) => other.snapshot!())])
    },
    reader: () => `reader of ${name}`,
  } as unknown as ProjectionStore
  servers.set(store, server)
  return { store, released: () => released }
}

function freshnessOf(stores: Readonly<Record<string, ProjectionStore>>) {
  let looks = 0
  const freshness = {
    watch: (name: string) => ({ store: stores[name], othersMayDiffer: true }),
    view: (name: string, checkpoints: ReadSnapshot['checkpoints'] | undefined) => ({
      name,
      parkedKeys: 0,
      position: checkpoints?.get(0)?.position ?? 3n,
    }),
    head: {
      position: 9n,
      look: async () => ++looks,
    },
  }
  return { freshness: freshness as unknown as Freshness, looks: () => looks }
}

test('a query of several read models of one server reads one state of them', async () => {
  const servers = new Map()
  const [a, b] = [fake('one', 'a', servers), fake('one', 'b', servers)]
  const { freshness, looks } = freshnessOf({ a: a.store, b: b.store })
  const opened = await openReads(freshness, ['a', 'b'])
  expect(opened.map(({ reader }) => reader)).toEqual(['snapshot of a', 'snapshot of b'])
  expect(opened.map(({ view }) => view.position)).toEqual([7n, 7n])
  expect(await shownAtMost(freshness, opened)).toBe(7n)
  expect(looks()).toBe(0)
  for (const { snapshot } of opened) snapshot?.release()
  expect([a.released(), b.released()]).toEqual([true, true])
})

test('a query of read models of two servers holds no connection of either', async () => {
  const servers = new Map()
  const [a, b] = [fake('one', 'a', servers), fake('two', 'b', servers)]
  const { freshness, looks } = freshnessOf({ a: a.store, b: b.store })
  const opened = await openReads(freshness, ['a', 'b'])
  expect(opened.map(({ reader, snapshot }) => [reader, snapshot])).toEqual([
    ['reader of a', undefined],
    ['reader of b', undefined],
  ])
  // How far the two were, nobody knows: one look at the end of the log is enough for both.
  expect(await shownAtMost(freshness, opened)).toBe(9n)
  expect(looks()).toBe(1)
})
