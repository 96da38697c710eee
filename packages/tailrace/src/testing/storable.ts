import { WriteFailed, type Row } from '../ports/write-store.ts'

/** A value as it comes back from a JSON column. */
export function asJson(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text === undefined ? undefined : JSON.parse(text)
}

/** A row as it comes back from a table: what was left out is null. Throws `WriteFailed` for what a column cannot hold. */
export function asRow(row: Row): Row {
  const stored: Record<string, unknown> = {}
  for (const name of Object.keys(row)) stored[name] = columnValue(name, row[name])
  return Object.freeze(stored)
}

function columnValue(name: string, value: unknown): unknown {
  if (value === undefined || value === null) return null
  switch (typeof value) {
    case 'string':
      if (value.includes('\0'))
        throw new WriteFailed(`column "${name}" cannot hold a NUL character`, { sqlState: '22021' })
      return value
    case 'number':
      if (!Number.isFinite(value))
        throw new WriteFailed(`column "${name}" cannot hold ${value}`, { sqlState: '22003' })
      return value
    case 'boolean':
      return value
    case 'object':
      return asJson(value)
    default:
      throw new WriteFailed(`column "${name}" cannot hold a ${typeof value}`, { sqlState: '22P02' })
  }
}
