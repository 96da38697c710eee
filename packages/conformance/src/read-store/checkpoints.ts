import assert from 'node:assert/strict'
import type { ReadStore } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, laterHistory, move, otherHistory, put, sample } from './sample.ts'

/** Checkpoints and data move together, from where they are expected, under no lower fence. */
export const checkpointRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'a version that never started has no checkpoint, which is not position 0',
    async run(store) {
      const opened = await store.open(sample('never'), history)
      assert.equal((await opened.checkpoints()).size, 0)
      await opened.apply(batch(move(undefined, 0n)))
      assert.equal((await opened.checkpoints()).get(0)?.position, 0n)
    },
  },
  {
    name: 'a batch writes its documents and moves its checkpoints',
    async run(store) {
      const opened = await store.open(sample('written'), history)
      await opened.apply(
        batch(move(undefined, 7n), [put('a', item('a'), 3n), put('b', item('b'), 7n)]),
      )
      const found = await opened.load(['a', 'b', 'c'])
      assert.deepEqual([...found.keys()].toSorted(), ['a', 'b'])
      assert.deepEqual(found.get('a'), { document: item('a'), position: 3n })
      const checkpoint = (await opened.checkpoints()).get(0)!
      assert.equal(checkpoint.position, 7n)
      assert.equal(checkpoint.fence, 1n)
      assert.equal(checkpoint.history, history)
      assert.ok(checkpoint.updatedAtMs > 0)
      if (store.capabilities.visibleOnWrite) assert.equal(checkpoint.visible, 7n)
    },
  },
  {
    name: 'the same batch again changes nothing',
    async run(store) {
      const opened = await store.open(sample('twice'), history)
      await opened.apply(batch(move(undefined, 5n), [put('a', item('a'), 5n)]))
      await opened.apply(batch(move(5n, 9n), [put('a', item('a', { count: 2 }), 9n)]))
      await refuses(
        opened.apply(batch(move(undefined, 5n), [put('a', item('a'), 5n)])),
        'PROJECTION_FENCED',
      )
      await refuses(
        opened.apply(batch(move(5n, 9n), [put('a', item('a', { count: 3 }), 9n)])),
        'PROJECTION_FENCED',
      )
      assert.deepEqual((await opened.load(['a'])).get('a'), {
        document: item('a', { count: 2 }),
        position: 9n,
      })
      assert.equal((await opened.checkpoints()).get(0)?.position, 9n)
    },
  },
  {
    name: 'a lower fence than the one stored is refused, a higher one is kept',
    async run(store) {
      const opened = await store.open(sample('fence'), history)
      await opened.apply(batch(move(undefined, 5n, { fence: 4n })))
      await refuses(
        opened.apply(batch(move(5n, 6n, { fence: 3n }), [put('a', item('a'), 6n)])),
        'PROJECTION_FENCED',
      )
      assert.equal((await opened.load(['a'])).size, 0)
      await opened.apply(batch(move(5n, 8n, { fence: 9n }), [put('a', item('a'), 8n)]))
      assert.equal((await opened.checkpoints()).get(0)?.fence, 9n)
    },
  },
  {
    name: 'of two batches from one place, exactly one is applied',
    async run(store) {
      const opened = await store.open(sample('race'), history)
      await opened.apply(batch(move(undefined, 1n), [put('a', item('a'), 1n)]))
      const both = await Promise.allSettled([
        opened.apply(batch(move(1n, 2n, { fence: 2n }), [put('a', item('a', { count: 2 }), 2n)])),
        opened.apply(batch(move(1n, 3n, { fence: 2n }), [put('a', item('a', { count: 3 }), 3n)])),
      ])
      assert.equal(both.filter((one) => one.status === 'fulfilled').length, 1)
      const position = (await opened.checkpoints()).get(0)!.position
      assert.deepEqual((await opened.load(['a'])).get('a'), {
        document: item('a', { count: Number(position) }),
        position,
      })
    },
  },
  {
    name: 'ranges move on their own, and all of a batch or none',
    async run(store) {
      const opened = await store.open(sample('ranges'), history)
      const second = { range: 1, slots: { from: 64, to: 255 } }
      await opened.apply(batch([move(undefined, 5n), move(undefined, 2n, second)]))
      await opened.apply(batch(move(2n, 4n, second)))
      await refuses(
        opened.apply(batch([move(5n, 9n), move(2n, 9n, second)], [put('a', item('a'), 9n)])),
        'PROJECTION_FENCED',
      )
      const checkpoints = await opened.checkpoints()
      assert.deepEqual([checkpoints.get(0)?.position, checkpoints.get(1)?.position], [5n, 4n])
      if (store.guarantee === 'transactional') assert.equal((await opened.load(['a'])).size, 0)
    },
  },
  {
    name: 'a checkpoint moves on into a later history of its log, and never into another log or back',
    async run(store) {
      const before = await store.open(sample('history'), history)
      await before.apply(batch(move(undefined, 5n)))
      await refuses(
        (await store.open(sample('history'), otherHistory)).apply(batch(move(5n, 6n))),
        'PROJECTION_FENCED',
      )
      const after = await store.open(sample('history'), laterHistory)
      assert.equal((await after.checkpoints()).get(0)?.history, history)
      await after.apply(batch(move(5n, 6n)))
      assert.equal((await after.checkpoints()).get(0)?.history, laterHistory)
      await refuses(before.apply(batch(move(6n, 7n))), 'PROJECTION_FENCED')
    },
  },
  {
    name: 'positions beyond 2^53 are kept exactly',
    async run(store) {
      const opened = await store.open(sample('large'), history)
      const large = 2n ** 60n + 1n
      await opened.apply(batch(move(undefined, large), [put('a', item('a'), large)]))
      assert.equal((await opened.checkpoints()).get(0)?.position, large)
      assert.equal((await opened.load(['a'])).get('a')?.position, large)
    },
  },
]
