import { TailraceError, searchWords } from 'tailrace/adapter'
import type { Query } from './docs-place.ts'
import { pathOf, type FieldMap } from './find-filter.ts'
import { otherTexts } from './text-words.ts'

/** The condition for the words of a search text. Undefined for one that asks for nothing. */
export function textCondition(fields: FieldMap, text: string): Query | undefined {
  const searched = [...fields.values()].filter((field) => field.text)
  if (searched.length === 0)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      'expected a projection with a text lookup, got one without; declare lookup.text',
    )
  const words = searchWords(text)
  if (words === 'anything') return undefined
  if (words === 'nothing') return { match_none: {} }
  const places = [...searched.map((field) => `${pathOf(field)}.words`), otherTexts]
  const inAny = (kind: 'match' | 'match_bool_prefix', query: string): Query => {
    const should = places.map((place) => ({ [kind]: { [place]: { query, operator: 'and' } } }))
    return { bool: { should, minimum_should_match: 1 } }
  }
  const whole = words.whole.map((word) => inAny('match', word))
  return { bool: { filter: [...whole, inAny('match_bool_prefix', words.prefix)] } }
}
