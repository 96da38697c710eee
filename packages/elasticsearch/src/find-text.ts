import { TailraceError } from 'tailrace/adapter'
import type { Query } from './docs-place.ts'
import { pathOf, type FieldMap } from './find-filter.ts'

const wordsMax = 32

/** The condition for words that must all occur, the last one as a prefix. Undefined for a blank text. */
export function textCondition(fields: FieldMap, text: string): Query | undefined {
  const searched = [...fields.values()].filter((field) => field.text)
  if (searched.length === 0)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      'expected a projection with a text lookup, got one without; declare lookup.text',
    )
  // Only letters and digits are left of a word: nothing in it can mean anything else.
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  if (words.length === 0) return text.trim() === '' ? undefined : { match_none: {} }
  if (words.length > wordsMax)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected up to ${wordsMax} words to search for, got ${words.length}`,
    )
  const filter = words.map((query, i) => {
    const last = i === words.length - 1
    const should = searched.map((field) => ({
      [last ? 'match_bool_prefix' : 'match']: {
        [`${pathOf(field)}.words`]: { query, operator: 'and' },
      },
    }))
    return { bool: { should, minimum_should_match: 1 } }
  })
  return { bool: { filter } }
}
