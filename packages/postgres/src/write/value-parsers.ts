import { TailraceError } from 'tailrace/adapter'
import type { SqlTypeParsers } from '../sql-pool.ts'

const text = (value: string) => value

/** Reads values of free SQL as rows have them: integers as safe numbers, numeric as strings, timestamps RFC 3339 UTC. */
export const valueParsers: SqlTypeParsers = {
  getTypeParser: (oid: number) => parsers.get(oid) ?? text,
}

const scalars: readonly {
  readonly oid: number
  readonly listOid: number
  readonly parse: (value: string) => unknown
}[] = [
  { oid: 16, listOid: 1000, parse: (value) => value === 't' },
  { oid: 20, listOid: 1016, parse: parseInteger },
  { oid: 21, listOid: 1005, parse: Number },
  { oid: 23, listOid: 1007, parse: Number },
  { oid: 26, listOid: 1028, parse: Number },
  { oid: 700, listOid: 1021, parse: Number },
  { oid: 701, listOid: 1022, parse: Number },
  { oid: 114, listOid: 199, parse: (value) => JSON.parse(value) as unknown },
  { oid: 3802, listOid: 3807, parse: (value) => JSON.parse(value) as unknown },
  { oid: 1184, listOid: 1185, parse: parseTimestamp },
  { oid: 25, listOid: 1009, parse: text },
  { oid: 1043, listOid: 1015, parse: text },
  { oid: 2950, listOid: 2951, parse: text },
  { oid: 1700, listOid: 1231, parse: text },
]

const parsers = new Map<number, (value: string) => unknown>(
  scalars.flatMap(({ oid, listOid, parse }) => [
    [oid, parse],
    [listOid, (value: string) => parseList(value, parse)],
  ]),
)

function parseInteger(value: string): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw new TailraceError(
    'ROW_INTEGER_TOO_LARGE',
    `expected an integer within ±(2^53−1), got ${value}; select it as text`,
  )
}

/** `2026-11-26 02:31:07.5+01`, as the server writes it in its ISO style. Other styles stay text. */
function parseTimestamp(value: string): string {
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d)(:\d\d)?(:\d\d)?$/.exec(value)
  if (parts === null) return value
  const [, date, time, fraction = '', hours, minutes = ':00'] = parts
  return new Date(`${date}T${time}${fraction.slice(0, 4)}${hours}${minutes}`).toISOString()
}

/** A list in the server's text form, of any depth. */
function parseList(value: string, parse: (element: string) => unknown): unknown[] {
  let at = value.indexOf('{')
  const list = (): unknown[] => {
    const found: unknown[] = []
    at++
    while (value[at] !== '}' && at < value.length) {
      if (value[at] === ',') at++
      else found.push(value[at] === '{' ? list() : element())
    }
    at++
    return found
  }
  const element = (): unknown => {
    if (value[at] !== '"') {
      const start = at
      while (at < value.length && value[at] !== ',' && value[at] !== '}') at++
      const raw = value.slice(start, at)
      return raw === 'NULL' ? null : parse(raw)
    }
    let raw = ''
    for (at++; value[at] !== '"' && at < value.length; at++) {
      if (value[at] === '\\') at++
      raw += value[at]
    }
    at++
    return parse(raw)
  }
  return list()
}
