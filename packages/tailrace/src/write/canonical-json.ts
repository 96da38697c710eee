/** Nesting beyond this is refused rather than risking the stack. */
const depthMax = 200

/**
 * JSON with sorted keys: equal values give equal text. As JSON.stringify, it drops `undefined` and asks `toJSON`.
 * Undefined for what has no such text: `undefined`, functions, and values nested deeper than 200.
 */
export function canonicalJson(value: unknown): string | undefined {
  try {
    return write(value, 0)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function write(value: unknown, depth: number): string | undefined {
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'boolean'
  )
    return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}`
  if (typeof value !== 'object') return undefined
  if (depth >= depthMax) throw new RangeError(`expected values nested at most ${depthMax} deep`)
  if ('toJSON' in value && typeof value.toJSON === 'function')
    return write(value.toJSON(), depth + 1)
  if (Array.isArray(value))
    return `[${value.map((item) => write(item, depth + 1) ?? 'null').join(',')}]`
  const parts: string[] = []
  for (const key of Object.keys(value).toSorted()) {
    const text = write((value as Record<string, unknown>)[key], depth + 1)
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`)
  }
  return `{${parts.join(',')}}`
}
