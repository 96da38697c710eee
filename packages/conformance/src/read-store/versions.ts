import assert from 'node:assert/strict'
import type { DocumentReader, LiveVersion, ReadSnapshot, ReadStore } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample, schemaOf, type Item } from './sample.ts'

export const versionRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'versions exist beside each other, and readers switch in one step',
    async run(store) {
      assert.equal(await store.liveVersion('two'), undefined)
      assert.deepEqual(await store.versions('two'), [])
      const one = await store.open(sample('two', 1), history)
      await store.switchTo('two', 1)
      const two = await store.open(sample('two', 2), history)
      await one.apply(batch(move(undefined, 5n), [put('a', item('a', { count: 1 }), 5n)]))
      await two.apply(
        batch(move(undefined, 7n), [put('a', item('a', { count: 2 }), 7n)], {
          park: [
            {
              key: 'p',
              positions: [6n],
              failure: { eventId: 'e', type: 't', error: 'x', attempts: 1 },
            },
          ],
        }),
      )
      assert.deepEqual([...(await store.versions('two'))].toSorted(), [1, 2])
      assert.equal(await store.liveVersion('two'), 1)
      assert.deepEqual((await one.load(['a'])).get('a')?.document, item('a', { count: 1 }))
      await store.switchTo('two', 2)
      assert.equal(await store.liveVersion('two'), 2)
      await store.switchTo('two', 1)
      assert.equal(await store.liveVersion('two'), 1)
      await store.drop('two', 2)
      assert.deepEqual(await store.versions('two'), [1])
      assert.equal((await one.checkpoints()).get(0)?.position, 5n)
      const anew = await store.open(sample('two', 2), history)
      assert.equal((await anew.checkpoints()).size, 0)
      assert.equal((await anew.load(['a'])).size, 0)
      assert.deepEqual(await anew.parked(), [])
    },
  },
  {
    name: 'the live version is not dropped, and readers never switch to one that does not exist',
    async run(store) {
      await store.open(sample('kept', 1), history)
      await store.switchTo('kept', 1)
      await assert.rejects(store.drop('kept', 1))
      await assert.rejects(store.switchTo('kept', 2))
      assert.equal(await store.liveVersion('kept'), 1)
    },
  },
  {
    name: 'of several switches from the same version at once, one is made',
    async run(store) {
      for (const version of [1, 2, 3, 4]) await store.open(sample('raced', version), history)
      const race = async (versions: readonly number[], from: LiveVersion): Promise<number> => {
        const made = await Promise.all(
          versions.map((version) => store.switchTo('raced', version, from)),
        )
        const winners = versions.filter((_, i) => made[i])
        assert.equal(winners.length, 1, `expected one of ${versions} to win, got ${winners}`)
        assert.equal(await store.liveVersion('raced'), winners[0])
        return winners[0]!
      }
      const first = await race([1, 2, 3, 4], 'none')
      assert.equal(await store.switchTo('raced', first === 1 ? 2 : 1, 'none'), false)
      const others = [1, 2, 3, 4].filter((version) => version !== first)
      const second = await race(others, first)
      assert.equal(await store.switchTo('raced', first, first), false)
      assert.equal(await store.liveVersion('raced'), second)
      assert.equal(await store.switchTo('raced', first, second), true)
      assert.equal(await store.switchTo('raced', second), true)
      assert.equal(await store.liveVersion('raced'), second)
    },
  },
  {
    name: 'a version opened again is the same one',
    async run(store) {
      const first = await store.open(sample('again'), history)
      await first.apply(batch(move(undefined, 5n), [put('a', item('a'), 5n)]))
      const second = await store.open(sample('again'), history)
      assert.deepEqual((await second.load(['a'])).get('a')?.document, item('a'))
    },
  },
  {
    name: 'projections do not see each other',
    async run(store) {
      const one = await store.open(sample('one'), history)
      const other = await store.open(sample('one-more'), history)
      await one.apply(batch(move(undefined, 5n), [put('a', item('a'), 5n)]))
      assert.equal((await other.load(['a'])).size, 0)
      assert.equal((await other.checkpoints()).size, 0)
    },
  },
  {
    name: 'readers get documents by key, in the order asked',
    async run(store) {
      const opened = await store.open(sample('read'), history)
      await opened.apply(
        batch(
          move(undefined, 5n),
          ['a', 'b', 'c'].map((key) => put(key, item(key), 5n)),
        ),
      )
      const reader = opened.reader() as unknown as DocumentReader<Item>
      assert.deepEqual(await reader.get('b'), item('b'))
      assert.equal(await reader.get('x'), undefined)
      assert.deepEqual(await reader.getMany(['c', 'x', 'a', 'c']), [
        item('c'),
        undefined,
        item('a'),
        item('c'),
      ])
      assert.deepEqual(await reader.getMany([]), [])
      await refuses(
        reader.getMany(Array.from({ length: 1_001 }, (_, i) => `k${i}`)),
        'READ_UNSUPPORTED',
      )
      if (!store.capabilities.find) await refuses(reader.find({}), 'READ_UNSUPPORTED')
    },
  },
  {
    name: 'a snapshot reads one state with exactly its checkpoints',
    async run(store) {
      const opened = await store.open(sample('snapped'), history)
      if (opened.snapshot === undefined) return
      await opened.apply(batch(move(undefined, 5n), [put('a', item('a', { count: 5 }), 5n)]))
      const snapshot = await opened.snapshot()
      await opened.apply(batch(move(5n, 6n), [put('a', item('a', { count: 6 }), 6n)]))
      const reader = snapshot.reader as unknown as DocumentReader<Item>
      assert.equal(snapshot.checkpoints.get(0)?.position, 5n)
      assert.equal((await reader.get('a'))?.count, 5)
      snapshot.release()
      const later = await opened.snapshot()
      assert.equal(later.checkpoints.get(0)?.position, 6n)
      assert.equal((await (later.reader as unknown as DocumentReader<Item>).get('a'))?.count, 6)
      later.release()
    },
  },
  {
    name: 'a version that was made for documents of another shape is refused, so that nobody reads them as its own',
    async run(store) {
      await store.open(sample('shaped'), history)
      await store.open(sample('shaped'), history)
      const renamed = { type: 'object', properties: { other: { type: 'string' } } }
      const other = sample('shaped', 1, { schema: schemaOf(renamed) })
      await refuses(store.open(other, history), 'CONFIG')
      // The next version may have any.
      await store.open({ ...other, version: 2 }, history)
      await refuses(store.open(sample('shaped', 2), history), 'CONFIG')
      await store.drop('shaped', 2)
      await store.open(sample('shaped', 2), history)
    },
  },
  {
    name: 'snapshots of two read models are of one state',
    async run(store) {
      const one = await store.open(sample('joined-one'), history)
      const two = await store.open(sample('joined-two'), history)
      if (one.snapshotWith === undefined) return
      for (const opened of [one, two])
        await opened.apply(batch(move(undefined, 5n), [put('a', item('a', { count: 5 }), 5n)]))
      const snapshots = (await one.snapshotWith([two]))!
      assert.equal(snapshots.length, 2)
      const counts = async (of: readonly ReadSnapshot[]) =>
        await Promise.all(
          of.map(async ({ reader, checkpoints }) => [
            checkpoints.get(0)?.position,
            (await (reader as unknown as DocumentReader<Item>).get('a'))?.count,
          ]),
        )
      for (const opened of [one, two])
        await opened.apply(batch(move(5n, 6n), [put('a', item('a', { count: 6 }), 6n)]))
      // Released twice, it must not end the other.
      const seen = await counts(snapshots)
      snapshots[0]!.release()
      snapshots[0]!.release()
      assert.deepEqual(seen, [
        [5n, 5],
        [5n, 5],
      ])
      assert.deepEqual(await counts(snapshots.slice(1)), [[5n, 5]])
      snapshots[1]!.release()
      const later = (await two.snapshotWith!([one]))!
      assert.deepEqual(await counts(later), [
        [6n, 6],
        [6n, 6],
      ])
      for (const { release } of later) release()
      // Of something that is not of this server, at once.
      assert.equal(one.snapshotWith([{ ...two }]), undefined)
    },
  },
  {
    name: 'a snapshot says whether any key is parked in its state',
    async run(store) {
      const opened = await store.open(sample('snapped-parked'), history)
      if (opened.snapshot === undefined) return
      const anyParked = async (): Promise<boolean> => {
        const snapshot = await opened.snapshot!()
        snapshot.release()
        return snapshot.anyParked
      }
      const failure = { eventId: 'e', type: 't', error: 'x', attempts: 1 }
      const park = (position: bigint) => [{ key: 'p', positions: [position], failure }]
      assert.equal(await anyParked(), false)
      await opened.apply(batch(move(undefined, 5n), [], { park: park(5n) }))
      const before = await opened.snapshot()
      assert.equal(before.anyParked, true)
      assert.deepEqual(await before.parkedAmong(['x', 'p', 'y']), ['p'])
      const settled = { key: 'p', seen: [5n], changes: [], rows: [], failure: undefined }
      await opened.resolveParked({ ...settled, remaining: [] })
      assert.deepEqual(await before.parkedAmong(['p']), ['p'])
      before.release()
      assert.equal(await anyParked(), false)
      await opened.apply(batch(move(5n, 6n), [put('a', item('a'), 6n)]))
      assert.equal(await anyParked(), false)
      await opened.apply(batch([], [], { park: park(6n) }))
      assert.equal(await anyParked(), true)
      assert.equal((await opened.checkpoints()).get(0)?.position, 6n)
    },
  },
  {
    name: 'after close every call is refused, and close may be repeated',
    async run(store) {
      const opened = await store.open(sample('closed'), history)
      await store.ping()
      await store.close()
      await store.close()
      await refuses(store.open(sample('closed'), history), 'ADAPTER_CLOSED')
      await refuses(store.ping(), 'ADAPTER_CLOSED')
      await refuses(store.liveVersion('closed'), 'ADAPTER_CLOSED')
      await refuses(opened.checkpoints(), 'ADAPTER_CLOSED')
      await refuses(opened.load(['a']), 'ADAPTER_CLOSED')
      await refuses(opened.apply(batch(move(undefined, 1n))), 'ADAPTER_CLOSED')
      await refuses((opened.reader() as unknown as DocumentReader<Item>).get('a'), 'ADAPTER_CLOSED')
    },
  },
]
