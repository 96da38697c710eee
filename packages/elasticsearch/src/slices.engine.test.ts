import { event, projection } from 'tailrace'
import type { DocumentReader, ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { batch, history, item, itemsProjection, put, type Item } from '../test/items.ts'
import { freshPrefix, raw, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch } from './index.ts'
import { sliceOf } from './slice-calendar.ts'

const dayMs = 86_400_000

test('weeks begin on Mondays, days at midnight, in UTC', () => {
  expect(sliceOf(Date.parse('2026-11-29T23:59:59.999Z'), 'week')).toBe('2026-11-23')
  expect(sliceOf(Date.parse('2026-11-30T00:00:00.000Z'), 'week')).toBe('2026-11-30')
  expect(sliceOf(Date.parse('1969-12-31T12:00:00.000Z'), 'week')).toBe('1969-12-29')
  expect(sliceOf(Date.parse('2026-11-26T12:00:00.000Z'), 'day')).toBe('2026-11-26')
})

for (const engine of searchEngines) {
  engine.describe(`documents in an index per day or week on ${engine.name}`, () => {
    const prefix = freshPrefix()
    const opened: ReadStore[] = []
    const now = Date.parse('2026-11-26T12:00:00.000Z')
    const store = (name: string, every: 'day' | 'week' = 'day', keepDays = 3) => {
      const slices = { [name]: { by: 'at', every, keepDays } }
      const one = elasticsearch({ url: engine.url, prefix, slices, refreshIntervalMs: 3_600_000 })
      opened.push(one)
      return one
    }
    const daysAgo = (days: number): string => new Date(now - days * dayMs).toISOString()
    afterEach(async () => {
      vi.useRealTimers()
      await Promise.all(opened.splice(0).map((one) => one.close()))
    })
    afterAll(() => removeIndices(engine.url, prefix))

    /** The wall clock alone: timers go on. */
    const setTime = (ms: number) => vi.useFakeTimers({ now: ms, toFake: ['Date'] })

    async function slicesOf(name: string): Promise<string[]> {
      const { body } = await raw(
        engine.url,
        'GET',
        `/_cat/indices/${prefix}.${name}.v1.*?h=index&format=json&s=index`,
      )
      return (body as { index: string }[])
        .map(({ index }) => index.slice(`${prefix}.${name}.v1.`.length))
        .filter((slice) => slice !== 'state')
    }

    test('each day has its index; reads and searches go over all of them', async () => {
      setTime(now)
      const version = await store('daily').open(itemsProjection('daily'), history)
      const changes = [0, 1, 2].map((days) =>
        put(`k${days}`, item(`of ${days}`, { at: daysAgo(days) }), BigInt(days + 1)),
      )
      await version.apply(batch(undefined, 3n, changes))
      await version.makeVisible!()
      expect(await slicesOf('daily')).toEqual(['d2026-11-24', 'd2026-11-25', 'd2026-11-26'])
      const reader = version.reader() as unknown as DocumentReader<Item>
      const found = await reader.find({ sort: [['at', 'asc']], total: true, facets: ['status'] })
      expect(found.items.map(({ title }) => title)).toEqual(['of 2', 'of 1', 'of 0'])
      expect(found).toMatchObject({ total: 3, facets: { status: { open: 3 } } })
      expect(await reader.getMany(['k2', 'x', 'k0'])).toEqual([
        changes[2]!.document,
        undefined,
        changes[0]!.document,
      ])
      await version.apply(
        batch(3n, 5n, [put('k1', null, 4n), put('k2', item('again', { at: daysAgo(2) }), 5n)]),
      )
      const loaded = await version.load(['k0', 'k1', 'k2'])
      expect(loaded.get('k1')).toEqual({ document: null, position: 4n })
      expect(loaded.get('k2')).toMatchObject({ document: { title: 'again' }, position: 5n })
    })

    test('what is ahead of a checkpoint is found in any of them, deletions too', async () => {
      setTime(now)
      const version = await store('held').open(itemsProjection('held'), history)
      expect(await version.holdsBetween!(0n, 100n)).toBe(false)
      const changes = [0, 1].map((days) =>
        put(`k${days}`, item(`of ${days}`, { at: daysAgo(days) }), BigInt(days + 1)),
      )
      await version.apply(batch(undefined, 2n, changes))
      const ahead = item('ahead', { at: daysAgo(2) })
      await version.apply({
        ...batch(2n, 2n, [put('k2', ahead, 7n), put('k1', null, 9n)]),
        moves: [],
      })
      expect(await version.holdsBetween!(2n, 6n)).toBe(false)
      expect(await version.holdsBetween!(2n, 7n)).toBe(true)
      expect(await version.holdsBetween!(8n, 9n)).toBe(true)
      expect(await version.holdsBetween!(9n, 100n)).toBe(false)
    })

    test('what is too old is not shown from that instant on, and its index goes as a whole', async () => {
      setTime(now)
      const version = await store('kept').open(itemsProjection('kept'), history)
      const changes = [0, 2].map((days) =>
        put(`k${days}`, item(`of ${days}`, { at: daysAgo(days) }), BigInt(days + 1)),
      )
      await version.apply(batch(undefined, 3n, changes))
      await version.makeVisible!()
      const reader = version.reader() as unknown as DocumentReader<Item>
      const titles = async () => (await reader.find({})).items.map(({ title }) => title)
      expect(await titles()).toEqual(['of 0', 'of 2'])
      setTime(now + dayMs)
      expect(await titles()).toEqual(['of 0', 'of 2'])
      setTime(now + dayMs + 1)
      expect(await titles()).toEqual(['of 0'])
      expect(await reader.get('k2')).toBeUndefined()
      expect(await slicesOf('kept')).toEqual(['d2026-11-24', 'd2026-11-26'])
      setTime(now + 2 * dayMs)
      const later = await store('kept').open(itemsProjection('kept'), history)
      const late = item('late', { at: daysAgo(2) })
      const fresh = item('new', { at: daysAgo(-2) })
      await later.apply(batch(3n, 9n, [put('late', late, 8n), put('new', fresh, 9n)]))
      expect(await slicesOf('kept')).toEqual(['d2026-11-26', 'd2026-11-28'])
      await later.makeVisible!()
      expect((await later.load(['late', 'k2'])).size).toBe(0)
      expect((await later.checkpoints()).get(0)?.position).toBe(9n)
    })

    test('a document that would move to another day is refused, one without a day too', async () => {
      setTime(now)
      const version = await store('moving').open(itemsProjection('moving'), history)
      await version.apply(batch(undefined, 1n, [put('a', item('a', { at: daysAgo(0) }), 1n)]))
      for (const at of [daysAgo(1), 'never', daysAgo(-60)]) {
        const refused = version.apply(batch(1n, 2n, [put('a', item('a', { at }), 2n)]))
        await expect(refused).rejects.toMatchObject({
          code: 'DOCUMENT_UNSTORABLE',
          details: { key: 'a' },
        })
      }
      expect((await version.load(['a'])).get('a')?.position).toBe(1n)
    })

    test('a worker that takes over finds the documents of days that it has not seen', async () => {
      setTime(now)
      const first = await store('over').open(itemsProjection('over'), history)
      const second = await store('over').open(itemsProjection('over'), history)
      await first.apply(batch(undefined, 1n, [put('a', item('a', { at: daysAgo(0) }), 1n)]))
      expect((await second.load(['a'])).get('a')?.position).toBe(1n)
      await first.apply(batch(1n, 2n, [put('b', item('b', { at: daysAgo(1) }), 2n)]))
      expect((await second.load(['b'])).get('b')?.position).toBe(2n)
      await second.apply(batch(2n, 3n, [put('b', null, 3n)], { fence: 2n }))
      expect((await first.load(['b'])).get('b')).toEqual({ document: null, position: 3n })
    })

    test('a document that was made and deleted in one batch does not come back', async () => {
      setTime(now)
      const version = await store('gone').open(itemsProjection('gone'), history)
      await version.apply(batch(undefined, 9n, [put('a', null, 9n)]))
      expect((await version.load(['a'])).get('a')).toEqual({ document: null, position: 9n })
      await version.apply(batch(9n, 10n, [put('a', item('a', { at: daysAgo(0) }), 10n)]))
      expect((await version.load(['a'])).get('a')?.position).toBe(10n)
    })

    test('a load in bulk fills the days, and leaves a history longer than what is kept to the worker', async () => {
      setTime(now)
      const version = await store('bulk').open(itemsProjection('bulk'), history)
      const load = (days: readonly number[]) =>
        version.bulkLoad(
          (async function* () {
            yield days.map((one) => put(`k${one}`, item(`of ${one}`, { at: daysAgo(one) }), 1n))
          })(),
          batch(undefined, 5n).moves,
        )
      await expect(load([0, 1, 9])).rejects.toMatchObject({ code: 'DOCUMENT_UNSTORABLE' })
      await load([0, 1])
      expect(await slicesOf('bulk')).toEqual(['d2026-11-25', 'd2026-11-26'])
      const keys: string[] = []
      for await (const page of version.dump()) keys.push(...page.map(({ key }) => key))
      expect(keys).toEqual(['k0', 'k1'])
      const { body } = await raw(engine.url, 'GET', `/${prefix}.bulk.v1.d2026-11-26/_settings`)
      const { settings } = body[`${prefix}.bulk.v1.d2026-11-26`]
      expect(settings.index.refresh_interval).toBe('3600000ms')
    })

    test('the alias of the live version has the days that begin later', async () => {
      setTime(now)
      const one = store('alias')
      const version = await one.open(itemsProjection('alias'), history)
      await version.apply(batch(undefined, 1n, [put('a', item('a', { at: daysAgo(1) }), 1n)]))
      await one.switchTo('alias', 1)
      await version.apply(batch(1n, 2n, [put('b', item('b', { at: daysAgo(0) }), 2n)]))
      await version.makeVisible!()
      const { body } = await raw(engine.url, 'GET', `/${prefix}.alias/_count`)
      expect(body.count).toBe(2)
      await expect(one.drop('alias', 1)).rejects.toMatchObject({ code: 'CONFIG' })
    })

    test('slices by what is no time of the documents are refused at the start', async () => {
      const Noted = event('Noted', z.object({}))
      const notes = projection('notes', {
        version: 1,
        from: [Noted],
        document: z.object({ at: z.string() }),
        key: (e) => e.stream,
        on: { Noted: () => null },
      })
      await expect(store('notes').open(notes, history)).rejects.toMatchObject({ code: 'CONFIG' })
      const endless = store('items', 'day', 4_000).open(itemsProjection(), history)
      await expect(endless).rejects.toMatchObject({ code: 'CONFIG' })
    })
  })
}
