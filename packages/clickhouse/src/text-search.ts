import { TailraceError } from 'tailrace/adapter'
import type { DocumentColumn } from './document-columns.ts'
import type { DocumentTable } from './document-table.ts'
import type { BoundValues } from './bound-values.ts'

const wordsMax = 32

/** The words of a document's text fields, each once. */
export function wordsOf(columns: readonly DocumentColumn[], document: unknown): readonly string[] {
  if (typeof document !== 'object' || document === null) return []
  const found = new Set<string>()
  for (const { property } of columns) {
    const value = (document as Record<string, unknown>)[property]
    for (const text of Array.isArray(value) ? value : [value])
      if (typeof text === 'string') for (const word of split(text)) found.add(word)
  }
  return [...found]
}

/** Lower-case words of letters and digits. */
function split(text: string): string[] {
  return text
    .replaceAll('\0', ' ')
    .toWellFormed()
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
}

/** The condition for words that must all occur, the last one as a prefix. Undefined for a blank text. */
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
  const words = split(text)
  if (words.length === 0) return text.trim() === '' ? undefined : 'false'
  if (words.length > wordsMax)
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected up to ${wordsMax} words to search for, got ${words.length}`,
    )
  const last = values.add('String', words.at(-1)!)
  const whole = words.slice(0, -1).map((word) => `has(_words, ${values.add('String', word)})`)
  return [...whole, `arrayExists(word -> startsWith(word, ${last}), _words)`].join(' AND ')
}
