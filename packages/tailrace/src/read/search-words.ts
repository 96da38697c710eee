/** What a search text asks for; words in the case that they were typed in. */
export interface SearchWords {
  /** Each occurs as a whole word. Each once, whatever its case, and at most 63. */
  readonly whole: readonly string[]
  /** Some word begins with it. */
  readonly prefix: string
}

/** Together with the last word; a longer text looks for no more than its first ones and its last one. */
const wordsMax = 64
/** No longer word is kept, so that none is found: PostgreSQL, Lucene and others end there, or a little later. */
const wordBytesMax = 2_046

/** Marks belong to their letters: most vowels of Hindi are marks. Fractions and raised digits are no letters of a word. */
const wordClass = String.raw`\p{L}\p{M}\p{Nd}\p{Nl}`
const betweenWords = new RegExp(`[^${wordClass}]+`, 'u')
/** What is not to be seen, such as a soft hyphen; without the space of no width, which parts words. */
const invisible = /(?!\u200b)\p{Cf}/gu

/** For the analyzers of stores that part words themselves, in the syntax that JavaScript and Java share. */
export const wordPatterns = {
  between: `[^${wordClass}]+`,
  invisible: String.raw`(?!\x{200b})\p{Cf}`,
} as const

/**
 * The one rule by which every store with `find({ text })` reads a search text, so that the same text finds the same documents.
 * A blank text asks for nothing; one without a letter or digit, or with a word longer than any that is kept, finds nothing.
 */
export function searchWords(text: string): SearchWords | 'anything' | 'nothing' {
  const words = wordsOf(text)
  const prefix = words.pop()
  if (prefix === undefined) return text.replaceAll('\0', ' ').trim() === '' ? 'anything' : 'nothing'
  const whole = new Map<string, string>()
  for (const word of words) {
    if (whole.size === wordsMax - 1) break
    const lower = lowerCase(word)
    if (!whole.has(lower)) whole.set(lower, word)
  }
  const found = { whole: [...whole.values()], prefix }
  return [...found.whole, prefix].every(isKept) ? found : 'nothing'
}

/** The words of a document's text in lower case, as a store that keeps words keeps them. */
export function keptWords(text: string): string[] {
  return wordsOf(text).filter(isKept).map(lowerCase)
}

/** A text as words are looked for in it: letters are composed, and what cannot be seen is left out. */
export function composed(text: string): string {
  return text.toWellFormed().replaceAll(invisible, '').normalize('NFC')
}

/** Letter by letter, as search engines and databases do it: where a letter stands in its word does not matter. */
export function lowerCase(word: string): string {
  return word.replaceAll('Σ', 'σ').replaceAll('İ', 'i').toLowerCase()
}

function wordsOf(text: string): string[] {
  return composed(text)
    .split(betweenWords)
    .filter((word) => word !== '')
}

function isKept(word: string): boolean {
  return word.length * 3 <= wordBytesMax || new TextEncoder().encode(word).length <= wordBytesMax
}
