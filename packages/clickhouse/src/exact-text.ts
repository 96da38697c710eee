/** Whether a column and a bound parameter hold a string as it is: no NUL, no lone surrogate. */
export function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0')
}

/** Marks a key that is escaped. It cannot occur in a key by accident: it is a noncharacter. */
const mark = '\u{10FFFF}'

/** A document key as text. Keys with NUL or lone surrogates are escaped; all others stay as they are. */
export function keyText(key: string): string {
  return isText(key) && !key.startsWith(mark)
    ? key
    : mark + JSON.stringify(key).replaceAll('\0', '')
}

export function keyOfText(text: string): string {
  return text.startsWith(mark) ? (JSON.parse(text.slice(mark.length)) as string) : text
}

/** Sorts as (position, ordinal). */
export function rowKey(position: bigint | string, ordinal: number | string): string {
  return `${String(position).padStart(20, '0')}/${String(ordinal).padStart(10, '0')}`
}

/** Position and ordinal of a row key; undefined for any other text. */
export function placeOfRowKey(
  key: string,
): { readonly position: bigint; readonly ordinal: number } | undefined {
  const match = /^(\d{20})\/(\d{10})$/.exec(key)
  if (match === null) return undefined
  const [position, ordinal] = [BigInt(match[1]!), BigInt(match[2]!)]
  if (position >= 2n ** 64n || ordinal >= 2n ** 32n) return undefined
  return { position, ordinal: Number(ordinal) }
}

/** What DateTime64 holds; times beyond are kept at its ends, so that "never" still sorts last. */
const firstMs = Date.UTC(1900, 0, 1)
const lastMs = Date.UTC(2299, 11, 31, 23, 59, 59, 999)

/** Milliseconds of an RFC 3339 time as a column holds it; undefined for any other text. */
export function instantMs(value: string): number | undefined {
  const exact = canonicalMs(value)
  if (exact !== undefined) return exact
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : Math.min(lastMs, Math.max(firstMs, ms))
}

const canonicalInstant =
  /^(19|2[012])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

let lastDay = ''
let lastDayMs = 0

/** Of a time as `toISOString` writes it, which is nearly every one; by the day, because the next one is mostly of the same. */
function canonicalMs(value: string): number | undefined {
  if (!isCanonicalInstant(value)) return undefined
  if (!value.startsWith(lastDay) || lastDay === '') {
    lastDay = value.slice(0, 10)
    lastDayMs = Date.parse(lastDay)
  }
  const digits = (at: number): number =>
    (value.charCodeAt(at) - zero) * 10 + value.charCodeAt(at + 1) - zero
  const ms = digits(20) * 10 + value.charCodeAt(22) - zero
  return lastDayMs + digits(11) * 3_600_000 + digits(14) * 60_000 + digits(17) * 1_000 + ms
}

const zero = 48

/** Whether a time is exactly what a column gives back. Without making a Date, which is many times slower. */
export function isCanonicalInstant(value: string): boolean {
  return canonicalInstant.test(value) && isDay(value)
}

const day = /^(19|2[012])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/

/** Days since 1970 of a date that a column gives back exactly; undefined for any other text. */
export function dayNumber(value: string): number | undefined {
  if (!day.test(value) || !isDay(value)) return undefined
  return Date.parse(value) / 86_400_000
}

function isDay(value: string): boolean {
  const dayOfMonth = Number(value.slice(8, 10))
  if (dayOfMonth <= 28) return true
  const [year, month] = [Number(value.slice(0, 4)), Number(value.slice(5, 7))]
  if (month === 2)
    return dayOfMonth === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return dayOfMonth <= (month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31)
}

/** A column's time as a parameter: `2026-01-02 03:04:05.006`. */
export function instantParameter(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 23)
}
