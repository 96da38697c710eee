import { expect, test } from 'vitest'
import { keptWords, searchWords } from './search-words.ts'

test.for<[string, string, ReturnType<typeof searchWords>]>([
  ['a blank text asks for nothing', ' \n\0', 'anything'],
  ['a text without letters and digits finds nothing', '👍 — %', 'nothing'],
  ['the last word is a prefix', 'Red-kettle, bl', { whole: ['Red', 'kettle'], prefix: 'bl' }],
  ['a word counts once, in any case', 'a A b a', { whole: ['a', 'b'], prefix: 'a' }],
  ['letters are composed', 'cafe\u0301', { whole: [], prefix: 'café' }],
  ['marks belong to words', 'हिन्दी भाषा', { whole: ['हिन्दी'], prefix: 'भाषा' }],
  ['raised digits part words', 'm²', { whole: [], prefix: 'm' }],
  [
    'what is not seen is left out',
    'می\u200cخواهم so\u00adft',
    { whole: ['میخواهم'], prefix: 'soft' },
  ],
  ['half a letter parts words', 'a\ud800b', { whole: ['a'], prefix: 'b' }],
  ['a word longer than any finds nothing', `${'x'.repeat(2_047)} a`, 'nothing'],
])('%s', ([, text, expected]) => {
  expect(searchWords(text)).toEqual(expected)
})

test('a long text looks for its first 63 different words and its last', () => {
  const words = Array.from({ length: 200 }, (_, i) => `w${i}`)
  expect(searchWords(words.join(' '))).toEqual({ whole: words.slice(0, 63), prefix: 'w199' })
})

test('the words of a document are in lower case, letter by letter', () => {
  expect(keptWords(`ΟΔΟΣ İzmir ÉCOLE ${'y'.repeat(2_047)}`)).toEqual(['οδοσ', 'izmir', 'école'])
})
