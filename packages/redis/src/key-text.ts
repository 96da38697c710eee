/** Marks a key that UTF-8 cannot hold as it is. The mark is a noncharacter: it does not occur in keys by accident. */
const mark = '\u{10FFFF}'

/** A document key as text that UTF-8 holds: one with half a surrogate pair is escaped, all others stay as they are. */
export function keyText(key: string): string {
  return key.isWellFormed() && !key.startsWith(mark) ? key : mark + JSON.stringify(key)
}

export function keyOfText(text: string): string {
  return text.startsWith(mark) ? (JSON.parse(text.slice(mark.length)) as string) : text
}
