import { isStrayPromise } from './stray-promise.ts'

/** A place in a value at which JSON holds something else, and what is there. */
export interface NotJson {
  /** JSON Pointer; `""` is the whole value. */
  readonly pointer: string
  /** In words. */
  readonly got: string
}

/** Deeper than anybody nests on purpose: a value within itself. */
const depthMax = 1_000

/**
 * The first place at which a value would come back from JSON as something else: a Date as a string, a Map as `{}`, NaN as
 * null, a bigint not at all. A property that is `undefined` is one that is left out. Undefined: there is none.
 */
export function findNotJson(value: unknown, depth = 0): NotJson | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : { pointer: '', got: String(value) }
    case 'object':
      return value === null ? undefined : findInObject(value, depth)
    case 'undefined':
      return { pointer: '', got: 'undefined' }
    default:
      return { pointer: '', got: `a ${typeof value}` }
  }
}

function findInObject(value: object, depth: number): NotJson | undefined {
  if (depth > depthMax)
    return { pointer: '', got: `nesting deeper than ${depthMax}, or a value within itself` }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = findNotJson(value[i], depth + 1)
      if (found !== undefined) return within(i, found)
    }
    return undefined
  }
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype !== Object.prototype && prototype !== null) {
    // Plain objects of another realm are plain, too.
    if (isStrayPromise(value) || Object.getPrototypeOf(prototype) !== null)
      return { pointer: '', got: `a ${prototype.constructor?.name || 'class instance'}` }
  }
  for (const key in value) {
    const part = (value as Readonly<Record<string, unknown>>)[key]
    // Most are: a call less for each.
    if (typeof part === 'string' || part === undefined) continue
    const found = findNotJson(part, depth + 1)
    if (found !== undefined) return within(key, found)
  }
  return undefined
}

function within(key: string | number, { pointer, got }: NotJson): NotJson {
  // Of what is nested without end, the way in is enough.
  const rest = pointer.length > 100 ? '/…' : pointer
  return { pointer: `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}${rest}`, got }
}
