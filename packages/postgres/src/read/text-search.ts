import { TailraceError } from 'tailrace/adapter'
import type { DocumentTable } from './document-table.ts'
import type { Parameters } from './find-where.ts'

const wordsMax = 32

/** The condition for words that must all occur, the last one as a prefix. Undefined: the text has no words. */
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
  const words = text
    .replaceAll('\0', ' ')
    .toWellFormed()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
  if (words.length === 0) return undefined
  if (words.length > wordsMax)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected up to ${wordsMax} words to search for, got ${words.length}`,
    )
  // Only letters and digits are left: nothing in a word can be read as an operator.
  values.push(words.map((word, i) => `'${word}'${i === words.length - 1 ? ':*' : ''}`).join(' & '))
  return `_text @@ to_tsquery('simple'::regconfig, $${values.length}::text)`
}
