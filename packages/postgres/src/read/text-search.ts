import { TailraceError } from 'tailrace/adapter'
import type { DocumentTable } from './document-table.ts'
import type { Parameters } from './find-where.ts'

/** Words that are looked for. What a longer text has beyond them is not. */
const wordsMax = 256

/** PostgreSQL keeps no longer word, so that nothing has one. */
const wordBytesMax = 2_046

/**
 * The condition for words that must all occur, the last one as a prefix. Undefined for a blank text, which asks for nothing;
 * a text of other characters than those of words is found nowhere.
 */
export function textCondition(
  table: DocumentTable,
  text: string,
  values: Parameters,
): string | undefined {
  if (table.text.length === 0)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      'expected a projection with a text lookup, got one without; declare lookup.text',
    )
  const clean = text.replaceAll('\0', ' ').toWellFormed().normalize('NFC')
  // Marks belong to their letters: most vowels of Hindi are marks.
  const words = clean.split(/[^\p{L}\p{M}\p{N}]+/u).filter((word) => word !== '')
  const last = words.pop()
  if (last === undefined) return clean.trim() === '' ? undefined : 'false'
  const whole = [...new Set(words)].slice(0, wordsMax - 1)
  if ([...whole, last].some((word) => Buffer.byteLength(word) > wordBytesMax)) return 'false'
  // Nothing in a word can be read as an operator.
  values.push([...whole.map((word) => `'${word}'`), `'${last}':*`].join(' & '))
  return `_text @@ to_tsquery('simple'::regconfig, $${values.length}::text)`
}
