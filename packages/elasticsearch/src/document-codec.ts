import { TailraceError } from 'tailrace/adapter'
import type { DocumentField } from './document-fields.ts'
import { indexed } from './field-values.ts'
import { textOfKey } from './key-id.ts'
import { otherTextsOf } from './text-words.ts'

/**
 * A document at rest. `doc`: properties that are searched, each as it is or as the nearest that can be searched. `rest`: all
 * that the index must not see, as JSON that it does not look into; its properties win over those of `doc`.
 */
export interface StoredSource {
  readonly tr: {
    /** See `textOfKey`. */
    readonly key: string
    /** A whole number as text: JSON numbers end at 2^53. */
    readonly position: string
    /** A deletion that is remembered. */
    readonly deleted?: true
    /** When it was deleted, Unix milliseconds. */
    readonly at?: number
    /** Names of the fields that are null or absent. */
    readonly nulls?: readonly string[]
    /** See `otherTextsOf`. */
    readonly words?: readonly string[]
  }
  readonly doc?: Readonly<Record<string, unknown>>
  readonly rest?: {
    /** The whole document, where it is no object or has no fields. */
    readonly whole?: unknown
    readonly set?: Readonly<Record<string, unknown>>
  }
}

type Properties = Record<string, unknown>

/** The source of a document, as JSON on one line. Throws `DOCUMENT_UNSTORABLE`. */
export function encodeDocument(
  fields: readonly DocumentField[],
  key: string,
  document: unknown,
  position: bigint,
): string {
  const tr = { key: textOfKey(key), position: position.toString() }
  try {
    if (fields.length === 0 || typeof document !== 'object' || Array.isArray(document)) {
      const whole = JSON.stringify(document)
      if (whole === undefined) throw new TypeError(`a value of type ${typeof document}`)
      return `{"tr":${JSON.stringify(tr)},"rest":{"whole":${whole}}}`
    }
    const { doc, nulls, set } = partsOf(fields, document as Properties)
    const words = otherTextsOf(fields, document as Properties)
    return JSON.stringify({
      tr: {
        ...tr,
        ...(nulls.length === 0 ? {} : { nulls }),
        ...(words.length === 0 ? {} : { words }),
      },
      doc,
      ...(set === undefined ? {} : { rest: { set } }),
    } satisfies StoredSource)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw unstorable(key, `one that is no JSON: ${reason}`, error)
  }
}

/** A deletion, as JSON on one line. */
export function encodeTombstone(key: string, position: bigint, atMs: number): string {
  const tr = {
    key: textOfKey(key),
    position: position.toString(),
    deleted: true,
    at: atMs,
  } as const
  return JSON.stringify({ tr } satisfies StoredSource)
}

export function unstorable(key: string, got: string, cause?: unknown): TailraceError {
  return new TailraceError(
    'DOCUMENT_UNSTORABLE',
    `expected the search engine to take the document of key ${JSON.stringify(key)}, got ${got}`,
    { cause, details: { key } },
  )
}

function partsOf(
  fields: readonly DocumentField[],
  document: Properties,
): { doc: Properties; nulls: string[]; set: Properties | undefined } {
  const doc: Properties = {}
  const nulls: string[] = []
  let set: Properties | undefined
  let seen = 0
  for (const { property, name, kind, list } of fields) {
    const own = Object.hasOwn(document, property)
    if (own) seen++
    const value = own ? document[property] : undefined
    if (value === undefined || value === null) {
      nulls.push(name)
      if (value === null) doc[name] = null
      continue
    }
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new TypeError(`${value} in "${property}"`)
    const found = indexed(kind, list, value)
    if (found.how === 'exact') doc[name] = value
    else {
      if (found.how === 'nearest') doc[name] = found.value
      define((set ??= {}), property, value)
    }
  }
  if (seen < Object.keys(document).length) {
    const known = new Set(fields.map(({ property }) => property))
    for (const [property, value] of Object.entries(document))
      if (!known.has(property) && value !== undefined) define((set ??= {}), property, value)
  }
  return { doc, nulls, set }
}

/** The document of a source; null for a deletion. */
export function decodeDocument(fields: readonly DocumentField[], source: StoredSource): unknown {
  const { tr, doc, rest } = source
  if (tr.deleted === true) return null
  if (rest !== undefined && 'whole' in rest) return rest.whole
  const document: Properties = {}
  if (doc !== undefined) {
    for (const { property, name } of fields)
      if (Object.hasOwn(doc, name)) document[property] = doc[name]
  }
  if (rest?.set !== undefined)
    for (const [property, value] of Object.entries(rest.set)) define(document, property, value)
  return document
}

/** `__proto__` must become a property, not a prototype. */
function define(object: Properties, property: string, value: unknown): void {
  if (property !== '__proto__') object[property] = value
  else
    Object.defineProperty(object, property, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
}
