import { createHash } from 'node:crypto'

/** Begins ids and texts that are not the key itself. A noncharacter: no key begins with it by accident. */
const mark = '\u{10FFFF}'
/** What the engine allows of an `_id`. */
const idBytesMax = 512

/** The `_id` of a document: its key where the engine can hold that, else a hash of it. */
export function idOfKey(key: string): string {
  const fits = key !== '' && (key.length <= 170 || Buffer.byteLength(key) <= idBytesMax)
  return fits && isPlain(key) ? key : `${mark}${hashOfKey(key)}`
}

/** Tells keys apart also where their texts would not: by all their UTF-16 units. */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(Buffer.from(key, 'utf16le')).digest('hex')
}

/** A key as text that is valid Unicode, to sort by and to read back. */
export function textOfKey(key: string): string {
  return isPlain(key) ? key : mark + JSON.stringify(key)
}

export function keyOfText(text: string): string {
  return text.startsWith(mark) ? (JSON.parse(text.slice(mark.length)) as string) : text
}

function isPlain(key: string): boolean {
  return key.isWellFormed() && !key.startsWith(mark)
}
