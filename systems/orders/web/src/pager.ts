// A cursor leads forward only. Which page it came from is remembered while the tab lives; after a reload the way back
// is the first page.
const before = new Map<string, string | undefined>()

/** Remembers that the page after `cursor` follows the one after `from`. */
export function noteNext(from: string | undefined, cursor: string): void {
  before.set(cursor, from)
}

/** The pages before this one that are known, and the cursor of the nearest; 0 on the first page. */
export function pagesBefore(cursor: string | undefined): {
  readonly known: number | undefined
  readonly previous: string | undefined
} {
  let known = 0
  for (let at = cursor; at !== undefined; at = before.get(at), known++)
    if (!before.has(at)) return { known: undefined, previous: undefined }
  return { known, previous: cursor === undefined ? undefined : before.get(cursor) }
}
