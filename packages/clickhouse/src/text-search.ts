import { TailraceError, keptWords, lowerCase, searchWords } from 'tailrace/adapter'
import type { DocumentColumn } from './document-columns.ts'
import type { DocumentTable } from './document-table.ts'
import type { BoundValues } from './bound-values.ts'

/** The words of a document's text fields, each once. */
export function wordsOf(columns: readonly DocumentColumn[], document: unknown): readonly string[] {
  if (typeof document !== 'object' || document === null) return []
  const found = new Set<string>()
  for (const { property } of columns) {
    const value = (document as Record<string, unknown>)[property]
    for (const text of Array.isArray(value) ? value : [value])
      if (typeof text === 'string') for (const word of keptWords(text)) found.add(word)
  }
  return [...found]
}

/** The condition for the words of a search text. Undefined for one that asks for nothing. */
export function textCondition(
  table: DocumentTable,
  text: string,
  values: BoundValues,
): string | undefined {
  if (table.text.length === 0)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      'expected a projection with a text lookup, got one without; declare lookup.text',
    )
  const words = searchWords(text)
  if (words === 'anything') return undefined
  if (words === 'nothing') return 'false'
  const last = values.add('String', lowerCase(words.prefix))
  const whole = words.whole.map((word) => `has(_words, ${values.add('String', lowerCase(word))})`)
  return [...whole, `arrayExists(word -> startsWith(word, ${last}), _words)`].join(' AND ')
}
