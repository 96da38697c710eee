import type { DocumentReader, ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, expect, test } from 'vitest'
import { batch, history, item, itemsProjection, put, type Item } from '../test/items.ts'
import { freshPrefix, raw, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch } from './index.ts'

for (const engine of searchEngines) {
  engine.describe(`what searches see on ${engine.name}`, () => {
    const prefix = freshPrefix()
    const opened: ReadStore[] = []
    const never = 3_600_000
    const store = (refreshIntervalMs = never) => {
      const one = elasticsearch({ url: engine.url, prefix, refreshIntervalMs })
      opened.push(one)
      return one
    }
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()))
    })
    afterAll(() => removeIndices(engine.url, prefix))

    async function refreshes(name: string): Promise<number> {
      const { body } = await raw(engine.url, 'GET', `/${prefix}.${name}.v1/_stats/refresh`)
      return body.indices[`${prefix}.${name}.v1`].total.refresh.external_total as number
    }

    test('a written document is got by key at once, and found once it is said to be visible', async () => {
      const version = await store().open(itemsProjection('apart'), history)
      await version.apply(batch(undefined, 5n, [put('a', item('kettle'), 5n)]))
      const reader = version.reader() as unknown as DocumentReader<Item>
      const found = async () => (await reader.find({ where: { status: 'open' } })).items
      expect((await version.checkpoints()).get(0)).toMatchObject({ position: 5n, visible: 0n })
      expect(await reader.get('a')).toEqual(item('kettle'))
      expect(await found()).toEqual([])
      await version.makeVisible!()
      expect((await version.checkpoints()).get(0)).toMatchObject({ position: 5n, visible: 5n })
      expect(await found()).toEqual([item('kettle')])
      await version.apply(batch(5n, 6n, [put('a', null, 6n)]))
      expect((await version.checkpoints()).get(0)).toMatchObject({ position: 6n, visible: 5n })
      expect(await reader.get('a')).toBeUndefined()
      expect(await found()).toEqual([item('kettle')])
      await version.makeVisible!()
      expect(await found()).toEqual([])
    })

    test('one process makes visible for all, and nothing is asked for twice', async () => {
      const writer = await store().open(itemsProjection('told'), history)
      const reader = await store().open(itemsProjection('told'), history)
      await writer.apply(batch(undefined, 5n, [put('a', item('kettle'), 5n)]))
      expect((await reader.checkpoints()).get(0)?.visible).toBe(0n)
      await writer.makeVisible!()
      expect((await reader.checkpoints()).get(0)?.visible).toBe(5n)
      const before = await refreshes('told')
      await reader.makeVisible!()
      await Promise.all(Array.from({ length: 50 }, () => writer.makeVisible!()))
      expect(await refreshes('told')).toBe(before)
    })

    test('waiters at one time share a refresh', async () => {
      const version = await store().open(itemsProjection('shared'), history)
      await version.apply(batch(undefined, 5n, [put('a', item('kettle'), 5n)]))
      const before = await refreshes('shared')
      await Promise.all(Array.from({ length: 50 }, () => version.makeVisible!()))
      expect(await refreshes('shared')).toBe(before + 1)
    })

    test('while nobody waits, what is written is visible after the interval', async () => {
      const version = await store(50).open(itemsProjection('resting'), history)
      await version.apply(batch(undefined, 5n, [put('a', item('kettle'), 5n)]))
      await expect
        .poll(async () => (await version.checkpoints()).get(0)?.visible, { timeout: 20_000 })
        .toBe(5n)
    })

    test('a version made anew does not take over what was visible of the old one', async () => {
      const old = store()
      const projection = itemsProjection('anew')
      const version = await old.open(projection, history)
      await version.apply(batch(undefined, 9n, [put('a', item('kettle'), 9n)]))
      await version.makeVisible!()
      await store().drop('anew', 1)
      const anew = await store().open(projection, history)
      await anew.apply(batch(undefined, 7n, [put('b', item('pot'), 7n)]))
      expect((await version.checkpoints()).get(0)).toMatchObject({ position: 7n, visible: 0n })
    })
  })
}
