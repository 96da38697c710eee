/**
 * Values as text whose order by bytes is the order of the values, and of which each says where it ends: what a sorted set of
 * entries compares and a script can take apart. `b` boolean, `d` time, `n` number (16 hex digits each), `o` anything else
 * as JSON, `s` text (both up to NUL 1; a NUL in them is NUL 2), `z` absent. Absent comes last.
 */
export type FieldKind = 'text' | 'uuid' | 'time' | 'number' | 'boolean' | 'any'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function encodeValue(kind: FieldKind, value: unknown): string {
  if (value === undefined || value === null) return 'z'
  if (typeof value === 'boolean') return value ? 'b1' : 'b0'
  if (typeof value === 'number') return `n${numberText(value)}`
  if (typeof value !== 'string') return `o${closed(JSON.stringify(value))}`
  if (kind === 'time') {
    const ms = Date.parse(value)
    if (!Number.isNaN(ms)) return `d${numberText(ms)}`
  }
  // Half a surrogate pair has no bytes in UTF-8; as JSON it has, and equals nothing else.
  if (!value.isWellFormed()) return `o${closed(JSON.stringify(value))}`
  return `s${closed(kind === 'uuid' && uuid.test(value) ? value.toLowerCase() : value)}`
}

/** The value that a facet names; undefined for what it does not count. */
export function valueName(encoded: string): string | undefined {
  switch (encoded[0]) {
    case 'b':
      return encoded === 'b1' ? 'true' : 'false'
    case 'n':
      return String(numberOf(encoded.slice(1)))
    case 'd':
      return new Date(numberOf(encoded.slice(1))).toISOString()
    case 's':
      return encoded.slice(1, -2).replaceAll('\0\u0002', '\0')
    default:
      return undefined
  }
}

/** Where the value that begins at `at` ends; undefined when none does. */
export function valueEnd(text: string, at: number): number | undefined {
  const rest = text.slice(at)
  const found =
    /^(?:z|b[01]|[nd][0-9a-f]{16})/.exec(rest)?.[0].length ??
    (/^[os]/.test(rest) && rest.includes('\0\u0001') ? rest.indexOf('\0\u0001') + 2 : undefined)
  return found === undefined ? undefined : at + found
}

function closed(text: string): string {
  return `${text.replaceAll('\0', '\0\u0002')}\0\u0001`
}

const bytes = new DataView(new ArrayBuffer(8))
const sign = 2n ** 63n

/** The bits of a double, turned so that they compare as the numbers do. */
function numberText(value: number): string {
  // There is one zero only.
  bytes.setFloat64(0, value === 0 ? 0 : value)
  const bits = bytes.getBigUint64(0)
  const turned = bits >= sign ? bits ^ (2n ** 64n - 1n) : bits | sign
  return turned.toString(16).padStart(16, '0')
}

function numberOf(text: string): number {
  const turned = BigInt(`0x${text}`)
  bytes.setBigUint64(0, turned >= sign ? turned ^ sign : turned ^ (2n ** 64n - 1n))
  return bytes.getFloat64(0)
}
