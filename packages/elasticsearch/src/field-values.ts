import type { FieldKind } from './document-fields.ts'

/** Longer texts are kept and not indexed: a term ends at 32,766 bytes. */
export const keywordMax = 8_191

/** What the index gets for a value: the value itself, another one to search by, or nothing. */
export type Indexed =
  | { readonly how: 'exact' }
  | { readonly how: 'nearest'; readonly value: string }
  | { readonly how: 'none' }

const exact: Indexed = { how: 'exact' }
const nothing: Indexed = { how: 'none' }

/** How a value of a document is indexed in a field of a kind. */
export function indexed(kind: FieldKind, list: boolean, value: unknown): Indexed {
  if (list) {
    const fits =
      Array.isArray(value) &&
      value.every((item) => item === null || scalar(kind, item).how === 'exact')
    return fits ? exact : nothing
  }
  return scalar(kind, value)
}

function scalar(kind: FieldKind, value: unknown): Indexed {
  switch (kind) {
    case 'keyword':
      return isKeyword(value) ? exact : nothing
    case 'uuid':
      return uuidOf(value)
    case 'date':
      return dateOf(value)
    case 'long':
      return Number.isSafeInteger(value) ? exact : nothing
    case 'double':
      return Number.isFinite(value) ? exact : nothing
    case 'boolean':
      return typeof value === 'boolean' ? exact : nothing
    default:
      return nothing
  }
}

export function isKeyword(value: unknown): value is string {
  return typeof value === 'string' && value.length <= keywordMax && value.isWellFormed()
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Uuids are the same however their letters are typed. */
function uuidOf(value: unknown): Indexed {
  if (typeof value !== 'string') return nothing
  if (uuidPattern.test(value)) return exact
  const lower = value.toLowerCase()
  return uuidPattern.test(lower) ? { how: 'nearest', value: lower } : nothing
}

/** Days up to the 28th exist in every month. */
const certainInstant =
  /^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$/

function dateOf(value: unknown): Indexed {
  if (typeof value !== 'string') return nothing
  if (certainInstant.test(value)) return exact
  const text = instantText(value)
  if (text === undefined) return nothing
  return text === value ? exact : { how: 'nearest', value: text }
}

/** An instant to the millisecond; undefined outside of the years 1 to 9999. */
export function instantText(value: string): string | undefined {
  const ms = Date.parse(value)
  if (!(ms >= -62_135_596_800_000 && ms <= 253_402_300_799_999)) return undefined
  return new Date(ms).toISOString()
}

/** A value of a filter as the index has it; undefined: the field cannot hold it, so nothing equals it. */
export function sought(kind: FieldKind, value: unknown): string | number | boolean | undefined {
  const found = scalar(kind, value)
  if (found.how === 'nearest') return found.value
  return found.how === 'exact' ? (value as string | number | boolean) : undefined
}
