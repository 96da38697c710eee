import { TailraceError, searchWords } from 'tailrace/adapter'
import type { DocumentTable } from './document-table.ts'
import type { Parameters } from './find-where.ts'

/** The condition for the words of a search text. Undefined for one that asks for nothing. */
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
  const words = searchWords(text)
  if (words === 'anything') return undefined
  if (words === 'nothing') return 'false'
  // Nothing in a word can be read as an operator.
  values.push([...words.whole.map((word) => `'${word}'`), `'${words.prefix}':*`].join(' & '))
  return `_text @@ to_tsquery('simple'::regconfig, $${values.length}::text)`
}

/**
 * The words of a column as SQL, parted as `searchWords` parts them: without that, PostgreSQL's parser takes `a-b` or `x@y.z`
 * for one word. `simple`: words as they are, in every language; lists count with all their strings. Older tables may have an
 * expression that knew less.
 */
export function vectorOf({ name, kind }: { readonly name: string; readonly kind: string }): string {
  const stored = kind === 'text' ? `"${name}"` : `"${name}"::text`
  // The text of a list is JSON: the letter of an escape, as in \n, belongs to no word.
  const value =
    kind === 'jsonb'
      ? `regexp_replace(${stored}, '\\\\(["\\\\bfnrt]|u[0-9a-f]{4})', ' ', 'g')`
      : stored
  const plain = `translate(${value}, '${quotedText(punctuation)}', '${' '.repeat(punctuation.length)}')`
  const other = `translate(${value}, '${quotedText(punctuation + widthless + invisible)}', '${' '.repeat(punctuation.length + 1)}')`
  // Most texts are ASCII, and composing letters takes a while.
  return `to_tsvector('simple'::regconfig, coalesce(case when octet_length(${stored}) = char_length(${stored}) then ${plain} else normalize(${other}, NFC) end, ''))`
}

function quotedText(text: string): string {
  return text.replaceAll("'", "''")
}

const punctuation = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`
const widthless = '\u200b'
/** PostgreSQL takes each for a part of a word. Those of scripts that nobody types any more are not among them. */
const invisible =
  '\u00ad\u061c\u180e\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff'
