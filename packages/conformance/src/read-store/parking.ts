import assert from 'node:assert/strict'
import type { ParkFailure, ReadStore } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample } from './sample.ts'

const failure: ParkFailure = {
  eventId: 'command-1/0',
  type: 'Sampled',
  error: 'Error: no\0good',
  attempts: 3,
}

export const parkingRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'a parked key is kept with its failure and its followers in order',
    async run(store) {
      const opened = await store.open(sample('parked'), history)
      assert.deepEqual(await opened.parked(), [])
      await opened.apply(
        batch(move(undefined, 9n), [put('b', item('b'), 8n)], {
          park: [{ key: 'a', positions: [3n, 7n], failure }],
        }),
      )
      await opened.apply(
        batch(move(9n, 20n), [], { park: [{ key: 'a', positions: [12n], failure: undefined }] }),
      )
      const [parked, ...others] = await opened.parked()
      assert.equal(others.length, 0)
      assert.deepEqual([parked?.key, parked?.firstPosition, parked?.events], ['a', 3n, 3])
      assert.deepEqual(
        [parked?.failure.eventId, parked?.failure.type, parked?.failure.attempts],
        ['command-1/0', 'Sampled', 3],
      )
      assert.match(parked!.failure.error, /no.good/)
      assert.ok(parked!.sinceMs > 0)
      assert.deepEqual(await opened.parkedPositions('a'), [3n, 7n, 12n])
      assert.deepEqual(await opened.parkedPositions('b'), [])
    },
  },
  {
    name: 'parked keys are found by key, and listed up to a limit',
    async run(store) {
      const opened = await store.open(sample('listed'), history)
      const park = ['a', 'b', 'c'].map((key, i) => ({ key, positions: [BigInt(i + 1)], failure }))
      await opened.apply(batch(move(undefined, 9n), [], { park }))
      assert.deepEqual((await opened.parked(['c', 'x', 'a'])).map(({ key }) => key).toSorted(), [
        'a',
        'c',
      ])
      assert.deepEqual(await opened.parked(['x']), [])
      assert.equal((await opened.parked(undefined, 2)).length, 2)
      assert.equal((await opened.parked()).length, 3)
    },
  },
  {
    name: 'a refused batch parks nothing',
    async run(store) {
      const opened = await store.open(sample('refused'), history)
      await opened.apply(batch(move(undefined, 5n)))
      await refuses(
        opened.apply(batch(move(4n, 6n), [], { park: [{ key: 'a', positions: [6n], failure }] })),
        'PROJECTION_FENCED',
      )
      if (store.guarantee === 'transactional') assert.deepEqual(await opened.parked(), [])
    },
  },
  {
    name: 'a settled key gets its changes and is free',
    async run(store) {
      const opened = await store.open(sample('settled'), history)
      await opened.apply(
        batch(move(undefined, 9n), [], { park: [{ key: 'a', positions: [3n, 7n], failure }] }),
      )
      await opened.resolveParked({
        key: 'a',
        seen: [3n, 7n],
        changes: [put('a', item('a'), 7n)],
        rows: [],
        remaining: [],
        failure: undefined,
      })
      assert.deepEqual(await opened.parked(), [])
      assert.deepEqual(await opened.parkedPositions('a'), [])
      assert.deepEqual((await opened.load(['a'])).get('a'), { document: item('a'), position: 7n })
      assert.equal((await opened.checkpoints()).get(0)?.position, 9n)
    },
  },
  {
    name: 'a key is settled whose positions have different numbers of digits',
    async run(store) {
      const opened = await store.open(sample('digits'), history)
      const seen = [9n, 10n, 99n, 100n]
      await opened.apply(
        batch(move(undefined, 100n), [], { park: [{ key: 'a', positions: seen, failure }] }),
      )
      assert.deepEqual(await opened.parkedPositions('a'), seen)
      const settled = { key: 'a', changes: [], rows: [], failure: undefined }
      await opened.resolveParked({ ...settled, seen, remaining: [10n, 100n], failure })
      assert.deepEqual(await opened.parkedPositions('a'), [10n, 100n])
      await opened.resolveParked({ ...settled, seen: [10n, 100n], remaining: [] })
      assert.deepEqual(await opened.parked(), [])
    },
  },
  {
    name: 'a key whose events touch 9,000 documents is settled with all of them',
    async run(store) {
      const opened = await store.open(sample('settled-many'), history)
      const seen = Array.from({ length: 900 }, (_, i) => BigInt(i + 1))
      await opened.apply(
        batch(move(undefined, 900n), [], { park: [{ key: 'a', positions: seen, failure }] }),
      )
      const changes = Array.from({ length: 9_000 }, (_, i) =>
        put(`k${i}`, item(`k${i}`), BigInt(1 + (i % 900))),
      )
      const settled = { key: 'a', seen, changes, rows: [], remaining: [], failure: undefined }
      await opened.resolveParked(settled)
      assert.deepEqual(await opened.parkedPositions('a'), [])
      const found = await opened.load(changes.map(({ key }) => key))
      assert.equal(found.size, 9_000)
      assert.deepEqual(found.get('k8999'), { document: item('k8999'), position: 900n })
    },
  },
  {
    name: 'a partly settled key keeps the rest with the new failure',
    async run(store) {
      const opened = await store.open(sample('partly'), history)
      await opened.apply(
        batch(move(undefined, 9n), [], { park: [{ key: 'a', positions: [3n, 7n], failure }] }),
      )
      const next = { ...failure, eventId: 'command-2/0', attempts: 4 }
      await opened.resolveParked({
        key: 'a',
        seen: [3n, 7n],
        changes: [put('a', item('a'), 3n)],
        rows: [],
        remaining: [7n],
        failure: next,
      })
      const [parked] = await opened.parked(['a'])
      assert.deepEqual(
        [parked?.firstPosition, parked?.events, parked?.failure.eventId, parked?.failure.attempts],
        [7n, 1, 'command-2/0', 4],
      )
    },
  },
  {
    name: 'a key is not settled over an event that joined meanwhile',
    async run(store) {
      const opened = await store.open(sample('joined'), history)
      await opened.apply(
        batch(move(undefined, 9n), [], { park: [{ key: 'a', positions: [3n], failure }] }),
      )
      await opened.apply(
        batch(move(9n, 10n), [], { park: [{ key: 'a', positions: [10n], failure: undefined }] }),
      )
      const resolution = {
        key: 'a',
        seen: [3n],
        changes: [put('a', item('a'), 3n)],
        rows: [],
        remaining: [],
        failure: undefined,
      }
      await refuses(opened.resolveParked(resolution), 'PARKED_KEY_CHANGED')
      assert.equal((await opened.load(['a'])).size, 0)
      assert.deepEqual(await opened.parkedPositions('a'), [3n, 10n])
    },
  },
  {
    name: 'an event is not diverted to a key that was freed meanwhile',
    async run(store) {
      const opened = await store.open(sample('freed'), history)
      await opened.apply(
        batch(move(undefined, 9n), [], { park: [{ key: 'a', positions: [3n], failure }] }),
      )
      await opened.resolveParked({
        key: 'a',
        seen: [3n],
        changes: [],
        rows: [],
        remaining: [],
        failure: undefined,
      })
      const diverting = opened.apply(
        batch(move(9n, 10n), [put('b', item('b'), 10n)], {
          park: [{ key: 'a', positions: [10n], failure: undefined }],
        }),
      )
      await refuses(diverting, 'PARKED_KEY_CHANGED')
      assert.equal((await opened.checkpoints()).get(0)?.position, 9n)
      assert.equal((await opened.load(['b'])).size, 0)
      assert.deepEqual(await opened.parkedPositions('a'), [])
    },
  },
]
