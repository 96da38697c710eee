import type { DocumentReader, ReadStore } from 'tailrace/adapter'
import { afterAll, expect, test } from 'vitest'
import { batch, history, item, itemsProjection, put, type Item } from '../test/items.ts'
import { freshPrefix, raw, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch } from './index.ts'

for (const engine of searchEngines) {
  engine.describe(`words on ${engine.name}`, () => {
    const prefix = freshPrefix()
    const opened: ReadStore[] = []
    const open = (name: string) => {
      const store = elasticsearch({ url: engine.url, prefix, refreshIntervalMs: 3_600_000 })
      opened.push(store)
      return store.open(itemsProjection(name), history)
    }
    afterAll(async () => {
      await Promise.all(opened.map((one) => one.close()))
      await removeIndices(engine.url, prefix)
    })

    test('an index from before long and decomposed texts were searched takes them when it is opened again', async () => {
      await open('older')
      const index = `${prefix}.older.v1`
      const made = (await raw(engine.url, 'GET', `/${index}`)).body[index]
      delete made.mappings.properties.tr.properties.words
      const { analysis } = made.settings.index
      await raw(engine.url, 'DELETE', `/${index}`)
      const { aliases, mappings } = made
      const older = { aliases, mappings, settings: { index: { analysis } } }
      expect((await raw(engine.url, 'PUT', `/${index}`, older)).status).toBe(200)
      const version = await open('older')
      const long = item(`${'filler '.repeat(2_000)}needle`)
      const decomposed = item('Cafe\u0301')
      await version.apply(batch(undefined, 2n, [put('a', long, 1n), put('b', decomposed, 2n)]))
      await version.makeVisible!()
      const reader = version.reader() as unknown as DocumentReader<Item>
      expect((await reader.find({ text: 'needle' })).items).toEqual([long])
      expect((await reader.find({ text: 'café' })).items).toEqual([decomposed])
    })
  })
}
