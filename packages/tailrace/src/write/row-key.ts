import type { AnyTable } from '../declare/rows.ts'
import type { Row } from '../ports/write-store.ts'

/** Compares two rows of one table by primary key: numbers by value, texts by UTF-16 code unit. */
export function compareByKey(key: AnyTable['key'], a: Row, b: Row): number {
  for (const part of key as readonly string[]) {
    const x = a[part] as string | number
    const y = b[part] as string | number
    if (x < y) return -1
    if (x > y) return 1
  }
  return 0
}

/** Where a row of this key is, or would be (`found: false`), in rows that are in key order. */
export function placeOf(
  key: AnyTable['key'],
  rows: readonly Row[],
  wanted: Row,
): { readonly at: number; readonly found: boolean } {
  // Most inserts append: look at the end first.
  const last = rows.length - 1
  if (last < 0 || compareByKey(key, rows[last]!, wanted) < 0)
    return { at: rows.length, found: false }
  let low = 0
  let high = last
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareByKey(key, rows[middle]!, wanted) < 0) low = middle + 1
    else high = middle
  }
  return { at: low, found: compareByKey(key, rows[low]!, wanted) === 0 }
}

/** The key of a row as text, for messages: `line 2` or `orderId "a", line 2`. */
export function keyText(key: AnyTable['key'], row: Row): string {
  return (key as readonly string[]).map((part) => `${part} ${JSON.stringify(row[part])}`).join(', ')
}
