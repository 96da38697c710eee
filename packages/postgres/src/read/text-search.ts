import { TailraceError, searchWords } from 'tailrace/adapter'
import type { DocumentTable } from './document-table.ts'
import type { Parameters } from './find-where.ts'
import { hasWords } from './text-table.ts'

/** The condition for the words of a search text. Undefined for one that asks for nothing. */
export function textCondition(
  table: DocumentTable,
  text: string,
  values: Parameters,
): string | undefined {
  if (table.text === undefined)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      'expected a projection with a text lookup, got one without; declare lookup.text',
    )
  const words = searchWords(text)
  if (words === 'anything') return undefined
  if (words === 'nothing') return 'false'
  // Nothing in a word can be read as an operator.
  values.push([...words.whole.map((word) => `'${word}'`), `'${words.prefix}':*`].join(' & '))
  return hasWords(table.text, `to_tsquery('simple'::regconfig, $${values.length}::text)`)
}
