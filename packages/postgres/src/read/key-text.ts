import { isText } from './document-codec.ts'

/** Marks a key that PostgreSQL cannot hold as it is. The mark cannot occur in such a key by accident: it is a noncharacter. */
const mark = '\u{10FFFF}'

/** A document key as text. Keys with NUL or lone surrogates are escaped; all others stay as they are. */
export function keyText(key: string): string {
  return isText(key) && !key.startsWith(mark) ? key : mark + JSON.stringify(key)
}

export function keyOfText(text: string): string {
  return text.startsWith(mark) ? (JSON.parse(text.slice(mark.length)) as string) : text
}
