import { WriteFailed } from 'tailrace/adapter'

/** One column of the rows that a statement takes, as a list of values: `$n::type[]`. */
export interface RowColumn {
  readonly property: string
  /** Type of the values as they are sent. */
  readonly type: string
  /** Cast to the column's own type: lists within a list are sent as texts. */
  readonly cast: string | undefined
  /** `json`: any value, null is NULL. `json-null`: null is the JSON null. `list`: a list of values, or of JSON. */
  readonly form: 'scalar' | 'json' | 'json-null' | 'list' | 'list-of-json'
}

/** The rows of some lists, for FROM or INSERT; `first` is the number of the first parameter. */
export function selectRows(columns: readonly RowColumn[], first: number): string {
  const lists = columns.map(
    ({ property, type, cast }, i) =>
      `unnest($${first + i}::${type}[])${cast === undefined ? '' : `::${cast}`} as "${property.replaceAll('"', '""')}"`,
  )
  return `select ${lists.join(', ')}`
}

/**
 * One property of some rows as the text of a PostgreSQL array. Values are written as JSON would write them: dates as
 * their ISO text, numbers that JSON does not know as NULL. Throws `WriteFailed` for what neither can hold.
 */
export function columnLiteral(rows: readonly unknown[], { property, form }: RowColumn): string {
  let text = '{'
  for (let i = 0; i < rows.length; i++) {
    const value = (rows[i] as Readonly<Record<string, unknown>>)[property]
    if (i > 0) text += ','
    text += form === 'scalar' ? scalar(value) : structured(value, form)
  }
  return text + '}'
}

const special = /["\\]/
const specials = /["\\]/g

/** A value in quotes. PostgreSQL would refuse half a character, too, but the way there replaces it unseen. */
function quoted(text: string): string {
  if (!text.isWellFormed()) throw notText(text)
  return `"${special.test(text) ? text.replace(specials, '\\$&') : text}"`
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'NULL'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (value === null || value === undefined) return 'NULL'
  const json = jsonOf(value)
  if (json === undefined) return 'NULL'
  return quoted(json.startsWith('"') ? (JSON.parse(json) as string) : json)
}

function structured(value: unknown, form: Exclude<RowColumn['form'], 'scalar'>): string {
  if (form === 'json-null') return quoted(jsonOf(value) ?? 'null')
  if (value === null || value === undefined) return 'NULL'
  if (form === 'json') return quoted(jsonOf(value) ?? 'null')
  return Array.isArray(value) ? quoted(list(value, form)) : scalar(value)
}

function list(values: readonly unknown[], form: 'list' | 'list-of-json'): string {
  const elements = values.map((value) => {
    if (form === 'list-of-json') return structured(value, 'json')
    return Array.isArray(value) ? list(value, form) : scalar(value)
  })
  return `{${elements.join(',')}}`
}

/** `json` would keep these as they are, for every reader that cannot hold them to stumble over. */
const unreadable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/

function jsonOf(value: unknown): string | undefined {
  try {
    const json = JSON.stringify(value) as string | undefined
    if (json?.includes('\\u') === true && unreadable.test(json)) throw notText(json)
    return json
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause
    throw unstorable(`values that JSON can hold, got one that it cannot: ${cause.message}`, cause)
  }
}

function notText(text: string): WriteFailed {
  return unstorable(
    `text without NUL and lone surrogates, got ${JSON.stringify(text.slice(0, 80))}`,
  )
}

function unstorable(expected: string, cause?: Error): WriteFailed {
  return new WriteFailed(`expected ${expected}`, cause === undefined ? {} : { cause })
}
