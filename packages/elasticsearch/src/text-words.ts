import { composed, wordPatterns } from 'tailrace/adapter'
import type { EngineClient } from './engine-client.ts'
import type { DocumentField } from './document-fields.ts'
import { isKeyword } from './field-values.ts'
import { adminMs } from './index-admin.ts'

/** Where the words of texts are that the fields themselves do not have: see `otherTextsOf`. */
export const otherTexts = 'tr.words'

const analyzer = 'tailrace_words'

/** Parts words as `searchWords` parts them, but for what `otherTextsOf` does. Older indices have one that knew less. */
export const analysis = {
  char_filter: {
    tailrace_unseen: { type: 'pattern_replace', pattern: wordPatterns.invisible, replacement: '' },
  },
  tokenizer: { tailrace_words: { type: 'pattern', pattern: wordPatterns.between } },
  filter: {
    // Others keep no longer words; a term of more than 32,766 bytes would make its document one that the engine refuses.
    tailrace_kept: { type: 'length', max: 2_046 },
  },
  analyzer: {
    [analyzer]: {
      type: 'custom',
      char_filter: ['tailrace_unseen'],
      tokenizer: 'tailrace_words',
      filter: ['tailrace_kept', 'lowercase'],
    },
  },
}

/** A field of words, with their beginnings. */
export const wordsType = {
  type: 'text',
  analyzer,
  index_prefixes: { min_chars: 1, max_chars: 12 },
} as const

/**
 * The texts of a document that its text fields have not as they are searched: the engine itself composes no letters, and a
 * field takes no list or text with one that is too long for a term.
 */
export function otherTextsOf(
  fields: readonly DocumentField[],
  document: Readonly<Record<string, unknown>>,
): string[] {
  return fields.flatMap(({ property, text, list }) => {
    if (!text || !Object.hasOwn(document, property)) return []
    const value = document[property]
    const texts = (list && Array.isArray(value) ? value : [value]).filter(
      (one) => typeof one === 'string',
    )
    const areIndexed = texts.every(isKeyword)
    return texts.filter((one) => !areIndexed || isComposedOtherwise(one)).map(composed)
  })
}

function isComposedOtherwise(text: string): boolean {
  return /[^\0-\x7f]/.test(text) && composed(text) !== text
}

/** Gives indices that were made before there were other texts the field for them. */
export async function addOtherTexts(
  client: EngineClient,
  indices: string,
  fields: readonly DocumentField[],
): Promise<void> {
  if (!fields.some(({ text }) => text)) return
  const { status, body } = await client.request('GET', `/${indices}/_mapping`, undefined, {
    allow: [404],
  })
  if (status === 404) return
  const found = Object.entries(body as Readonly<Record<string, Mapped>>)
  const without = found.filter(
    ([, { mappings }]) => mappings.properties?.tr.properties.words === undefined,
  )
  const mapping = { properties: { tr: { properties: { words: wordsType } } } }
  for (const [index] of without)
    await client.request('PUT', `/${index}/_mapping`, mapping, { allow: [404], timeoutMs: adminMs })
}

interface Mapped {
  readonly mappings: {
    readonly properties?: { readonly tr: { readonly properties: { readonly words?: unknown } } }
  }
}
