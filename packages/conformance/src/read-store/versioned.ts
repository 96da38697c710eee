import assert from 'node:assert/strict'
import type {
  DocumentReader,
  ParkFailure,
  ProjectionStore,
  ReadStore,
  StoredDocument,
} from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample, type Item } from './sample.ts'

const failure: ParkFailure = { eventId: 'command-1/0', type: 'Sampled', error: 'no', attempts: 3 }

/** A document that says which write it is from. */
function from(position: bigint, over: Partial<Item> = {}): Item {
  return item('a', { title: `as of ${position}`, ...over })
}

/** The document under a key; a deletion that is remembered counts as none. */
async function documentOf(opened: ProjectionStore, key: string): Promise<unknown> {
  return (await opened.load([key])).get(key)?.document ?? undefined
}

async function stands(
  opened: ProjectionStore,
  key: string,
  expected: StoredDocument,
): Promise<void> {
  assert.deepEqual((await opened.load([key])).get(key), expected)
}

/**
 * `versioned`: documents may be written before their checkpoint, so that any part of a batch may come again, and by more
 * than one worker. What decides is the position of each document.
 */
export const versionedRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'documents without their checkpoint, written again, are the same documents, and the checkpoint stays absent',
    async run(store) {
      const opened = await store.open(sample('data-first'), history)
      const data = batch([], [put('a', from(3n), 3n), put('b', item('b'), 4n)])
      await opened.apply(data)
      await opened.apply(data)
      assert.equal((await opened.checkpoints()).size, 0)
      await opened.apply({ ...data, moves: [move(undefined, 4n)] })
      await stands(opened, 'a', { document: from(3n), position: 3n })
      await stands(opened, 'b', { document: item('b'), position: 4n })
      assert.equal((await opened.checkpoints()).get(0)?.position, 4n)
    },
  },
  {
    name: 'what is stored of events between two positions is found, deletions and what has no checkpoint too',
    async run(store) {
      const opened = await store.open(sample('held'), history)
      const held = (after: bigint, through: bigint): Promise<boolean> | undefined =>
        opened.holdsBetween?.(after, through)
      const far = 2n ** 53n + 7n
      assert.equal(await held(0n, far), false)
      await opened.apply(batch(move(undefined, 9n), [put('a', from(9n), 9n)]))
      await opened.apply(batch([], [put('b', item('b'), far)]))
      assert.equal(await held(8n, 9n), true)
      assert.equal(await held(9n, far - 1n), false)
      assert.equal(await held(far - 1n, far), true)
      assert.equal(await held(far, far + 1_000n), false)
      await opened.apply(batch(move(9n, 20n), [put('a', null, 20n)]))
      assert.equal(await held(19n, 20n), true)
      assert.equal(await held(20n, far - 1n), false)
    },
  },
  {
    name: 'an older document never overwrites a newer one, and the others of its batch are written',
    async run(store) {
      const opened = await store.open(sample('older'), history)
      await opened.apply(batch(move(undefined, 9n), [put('a', from(9n), 9n)]))
      await opened.apply(batch([], [put('a', from(5n), 5n)]))
      await stands(opened, 'a', { document: from(9n), position: 9n })
      await opened.apply(
        batch(move(9n, 12n), [put('b', item('b'), 10n), put('a', from(6n), 6n), put('c', {}, 12n)]),
      )
      await stands(opened, 'a', { document: from(9n), position: 9n })
      await stands(opened, 'b', { document: item('b'), position: 10n })
      await stands(opened, 'c', { document: {}, position: 12n })
      assert.equal((await opened.checkpoints()).get(0)?.position, 12n)
    },
  },
  {
    name: 'an older deletion never removes a newer document',
    async run(store) {
      const opened = await store.open(sample('older-delete'), history)
      await opened.apply(batch(move(undefined, 9n), [put('a', from(9n), 9n)]))
      await opened.apply(batch(move(9n, 10n), [put('a', null, 4n)]))
      await stands(opened, 'a', { document: from(9n), position: 9n })
      await opened.apply(batch(move(10n, 11n), [put('a', null, 11n)]))
      assert.equal(await documentOf(opened, 'a'), undefined)
    },
  },
  {
    name: 'a deleted document does not come back by an older write, only by a newer one',
    async run(store) {
      const opened = await store.open(sample('deleted-stays'), history)
      await opened.apply(batch(move(undefined, 3n), [put('a', from(3n), 3n)]))
      await opened.apply(batch(move(3n, 5n), [put('a', null, 5n)]))
      await opened.apply(batch([], [put('a', from(4n), 4n)]))
      assert.equal(await documentOf(opened, 'a'), undefined)
      await opened.apply(batch(move(5n, 6n), [put('a', from(3n), 3n), put('a2', {}, 6n)]))
      assert.equal(await documentOf(opened, 'a'), undefined)
      const reader = opened.reader() as unknown as DocumentReader<Item>
      assert.equal(await reader.get('a'), undefined)
      const dumped: string[] = []
      for await (const page of opened.dump()) dumped.push(...page.map(({ key }) => key))
      assert.deepEqual(dumped, ['a2'])
      await opened.apply(batch(move(6n, 7n), [put('a', from(7n), 7n)]))
      await stands(opened, 'a', { document: from(7n), position: 7n })
    },
  },
  {
    name: 'a bulk load remembers what was deleted: an older write that comes late does not bring it back',
    async run(store) {
      const opened = await store.open(sample('deleted-in-bulk'), history)
      async function* pages() {
        yield [put('a', null, 5n), put('b', from(4n), 4n)]
      }
      await opened.bulkLoad(pages(), [move(undefined, 5n)])
      await opened.apply(batch([], [put('a', from(3n), 3n), put('b', from(3n), 3n)]))
      assert.equal(await documentOf(opened, 'a'), undefined)
      await stands(opened, 'b', { document: from(4n), position: 4n })
      const dumped: string[] = []
      for await (const page of opened.dump()) dumped.push(...page.map(({ key }) => key))
      assert.deepEqual(dumped, ['b'])
      await opened.apply(batch(move(5n, 6n), [put('a', from(6n), 6n)]))
      await stands(opened, 'a', { document: from(6n), position: 6n })
    },
  },
  {
    name: 'a deletion ahead of the checkpoint is told with its position, so that no event before it is folded again',
    async run(store) {
      const opened = await store.open(sample('deleted-ahead'), history)
      await opened.apply(batch(move(undefined, 2n), [put('a', from(2n), 2n)]))
      await opened.apply(batch([], [put('a', null, 4n), put('b', null, 4n)]))
      await stands(opened, 'a', { document: null, position: 4n })
      await opened.apply(batch(move(2n, 3n), [put('a', from(3n), 3n), put('b', {}, 3n)]))
      await stands(opened, 'a', { document: null, position: 4n })
      assert.equal(await documentOf(opened, 'b'), undefined)
      assert.equal((await opened.checkpoints()).get(0)?.position, 3n)
    },
  },
  {
    name: 'a batch whose data was written before a crash comes again in smaller batches to the same end',
    async run(store) {
      const opened = await store.open(sample('crashed'), history)
      await opened.apply(batch(move(undefined, 2n), [put('a', from(2n), 2n), put('b', {}, 1n)]))
      const park = [{ key: 'p', positions: [4n, 6n], failure }]
      await opened.apply(batch([], [put('a', from(6n), 6n), put('b', null, 5n)], { park }))
      assert.equal((await opened.checkpoints()).get(0)?.position, 2n)
      await opened.apply(
        batch(move(2n, 4n), [put('a', from(4n), 4n)], {
          park: [{ key: 'p', positions: [4n], failure }],
        }),
      )
      await opened.apply(
        batch(move(4n, 6n), [put('a', from(6n), 6n), put('b', null, 5n)], {
          park: [{ key: 'p', positions: [6n], failure: undefined }],
        }),
      )
      await stands(opened, 'a', { document: from(6n), position: 6n })
      assert.equal(await documentOf(opened, 'b'), undefined)
      assert.deepEqual(await opened.parkedPositions('p'), [4n, 6n])
      assert.equal((await opened.parked()).length, 1)
      assert.equal((await opened.checkpoints()).get(0)?.position, 6n)
    },
  },
  {
    name: 'of two workers in turn the one with the lower fence changes nothing that the other wrote',
    async run(store) {
      const opened = await store.open(sample('fences'), history)
      const second = { fence: 2n }
      await opened.apply(batch(move(undefined, 5n), [put('a', from(5n), 5n)]))
      await opened.apply(batch(move(5n, 6n, second), [put('a', from(6n), 6n)]))
      await refuses(
        opened.apply(batch(move(5n, 8n), [put('a', from(8n), 8n), put('b', item('b'), 7n)])),
        'PROJECTION_FENCED',
      )
      await refuses(opened.apply(batch(move(6n, 8n), [])), 'PROJECTION_FENCED')
      await opened.apply(
        batch(move(6n, 9n, second), [put('a', from(9n), 9n), put('b', item('b'), 7n)]),
      )
      await refuses(opened.apply(batch(move(9n, 10n), [put('a', null, 8n)])), 'PROJECTION_FENCED')
      await stands(opened, 'a', { document: from(9n), position: 9n })
      await stands(opened, 'b', { document: item('b'), position: 7n })
      const checkpoint = (await opened.checkpoints()).get(0)!
      assert.deepEqual([checkpoint.position, checkpoint.fence], [9n, 2n])
    },
  },
  {
    name: 'a batch with a document that cannot be held moves no checkpoint, and says which key it is',
    async run(store) {
      const opened = await store.open(sample('partial'), history)
      await opened.apply(batch(move(undefined, 2n), [put('a', from(2n), 2n)]))
      const changes = [put('a', from(3n), 3n), put('bad', { count: 1n }, 4n), put('c', {}, 5n)]
      const error = await refuses(opened.apply(batch(move(2n, 5n), changes)), 'DOCUMENT_UNSTORABLE')
      assert.equal(error.details['key'], 'bad')
      assert.equal((await opened.checkpoints()).get(0)?.position, 2n)
      const park = [{ key: 'bad', positions: [4n], failure }]
      const others = changes.filter(({ key }) => key !== 'bad')
      await opened.apply(batch(move(2n, 5n), others, { park }))
      await stands(opened, 'a', { document: from(3n), position: 3n })
      await stands(opened, 'c', { document: {}, position: 5n })
      assert.equal((await opened.checkpoints()).get(0)?.position, 5n)
    },
  },
  {
    name: 'positions are compared as whole numbers: by all their digits, and not as text',
    async run(store) {
      const opened = await store.open(sample('digits'), history)
      await opened.apply(batch(move(undefined, 10n), [put('a', from(9n), 9n)]))
      await opened.apply(batch([], [put('a', from(10n), 10n)]))
      await stands(opened, 'a', { document: from(10n), position: 10n })
      const large = 2n ** 53n
      await opened.apply(batch(move(10n, large + 1n), [put('a', from(large), large)]))
      await opened.apply(batch([], [put('a', from(large + 1n), large + 1n)]))
      await stands(opened, 'a', { document: from(large + 1n), position: large + 1n })
      await opened.apply(batch(move(large + 1n, large + 2n), [put('a', from(large), large)]))
      await stands(opened, 'a', { document: from(large + 1n), position: large + 1n })
      assert.equal((await opened.checkpoints()).get(0)?.position, large + 2n)
    },
  },
  {
    name: 'a settled key never takes back what was written after its events',
    async run(store) {
      const opened = await store.open(sample('settled-late'), history)
      await opened.apply(
        batch(move(undefined, 9n), [put('b', from(8n), 8n)], {
          park: [{ key: 'a', positions: [3n], failure }],
        }),
      )
      const resolution = { rows: [], remaining: [], failure: undefined, key: 'a', seen: [3n] }
      await opened.resolveParked({
        ...resolution,
        changes: [put('a', from(3n), 3n), put('b', from(3n), 3n)],
      })
      await stands(opened, 'a', { document: from(3n), position: 3n })
      await stands(opened, 'b', { document: from(8n), position: 8n })
      assert.deepEqual(await opened.parked(), [])
    },
  },
]
