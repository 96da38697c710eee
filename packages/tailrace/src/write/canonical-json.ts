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
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? 'null' : writeObject(value, depth)
    default:
      return undefined
  }
}

function writeObject(value: object, depth: number): string | undefined {
  if (depth >= depthMax) throw new RangeError(`expected values nested at most ${depthMax} deep`)
  if ('toJSON' in value && typeof value.toJSON === 'function')
    return write(value.toJSON(), depth + 1)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += (text === '' ? '' : ',') + (write(item, depth + 1) ?? 'null')
    return `[${text}]`
  }
  for (const key of Object.keys(value).toSorted()) {
    const part = write((value as Record<string, unknown>)[key], depth + 1)
    if (part !== undefined) text += `${text === '' ? '' : ','}${quoted(key)}:${part}`
  }
  return `{${text}}`
}

// The keys of inputs are few and come again and again.
const quotedKeys = new Map<string, string>()

function quoted(key: string): string {
  let text = quotedKeys.get(key)
  if (text === undefined) {
    text = JSON.stringify(key)
    if (quotedKeys.size < 1_000) quotedKeys.set(key, text)
  }
  return text
}
