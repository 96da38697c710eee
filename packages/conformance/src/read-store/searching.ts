import assert from 'node:assert/strict'
import type { DocumentReader, ReadStore } from 'tailrace/adapter'
import type { Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample, type Item } from './sample.ts'

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`)

/** Titles and tags by id. */
const texts: Readonly<Record<string, readonly [string, ...string[]]>> = {
  accent: ['Café crème'],
  accents: ['Cafe\u0301 de\u0301ja\u0300', 'Vie\u0302\u0323t'],
  hangul: ['한글'.normalize('NFD')],
  hindi: ['हिन्दी भाषा'],
  persian: ['می\u200cخواهم', 'so\u00adft'],
  chinese: ['東京都'],
  case: ['ÉCOLE İzmir STRASSE'],
  raised: ['20 m² à ½'],
  marks: ['it’s «here»\u200bthere — o’clock', 'x@y.z'],
  list: ['list', 'one\ntwo', 'back\\new', '"quoted"'],
  words: [numbered(300).join(' ')],
  long: [`${'filler '.repeat(2_000)}needle`, `${'else '.repeat(2_000)}thread`],
  endless: [`${'y'.repeat(40_000)} after`],
}

/** Search texts and what they find. */
const asked: readonly (readonly [string, readonly string[]])[] = [
  ['cafe\u0301', ['accent', 'accents']],
  ['CAFÉ', ['accent', 'accents']],
  ['crem', []],
  ['déjà', ['accents']],
  ['Việt', ['accents']],
  ['Viê\u0323', ['accents']],
  ['한글', ['hangul']],
  ['한', ['hangul']],
  ['हिन्दी भा', ['hindi']],
  ['हि', ['hindi']],
  ['میخواهم', ['persian']],
  ['می\u200cخوا', ['persian']],
  ['soft', ['persian']],
  ['東京', ['chinese']],
  ['京', []],
  ['école', ['case']],
  ['izmir str', ['case']],
  ['m²', ['raised']],
  ['m 20', ['raised']],
  ['it s', ['marks']],
  ['there here', ['marks']],
  ['clock', ['marks']],
  ['y z x', ['marks']],
  ['two', ['list']],
  ['new', ['list']],
  ['nnew', []],
  ['quoted list', ['list']],
  ['needle', ['long']],
  ['thread filler', ['long']],
  ['after', ['endless']],
  ['y'.repeat(2_046), []],
  ['y'.repeat(2_047), []],
  [numbered(300).join(' '), ['words']],
  [`${'w1 '.repeat(1_000)} w29`, ['words']],
  [[...numbered(63), 'absent', 'w29'].join(' '), ['words']],
  [[...numbered(62), 'absent', 'w29'].join(' '), []],
  [`w1 ${'z'.repeat(50_000)}`, []],
  ['\ud83d', []],
  ['needle\ud800', ['long']],
  ['needle & !thread | (x:*', []],
  [' \n\0', Object.keys(texts)],
]

export const searchRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'a search text finds the same documents on every store, however its letters are composed and however long it is',
    async run(store) {
      const lookup = { by: [], text: ['title', 'tags'] }
      const opened = await store.open(sample('search', 1, { lookup: lookup as never }), history)
      const documents = Object.entries(texts).map(([id, [title, ...tags]]) =>
        item(id, { title, tags }),
      )
      await opened.apply(
        batch(
          move(undefined, 500n),
          documents.map((one, i) => put(one.id, one, BigInt(i + 1))),
        ),
      )
      await opened.makeVisible?.()
      const reader = opened.reader() as unknown as DocumentReader<Item>
      const found: [string, string[]][] = []
      for (const [text] of asked) {
        const { items } = await reader.find({ text, limit: 100 })
        found.push([text.slice(0, 40), items.map(({ id }) => id).toSorted()])
      }
      assert.deepEqual(
        found,
        asked.map(([text, ids]) => [text.slice(0, 40), ids.toSorted()]),
      )
      for (const one of documents) assert.deepEqual(await reader.get(one.id), one)
    },
  },
]
