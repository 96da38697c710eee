import type { PointedError } from './problem.ts'
import { pointerOf } from './scan-json.ts'

export type JsonSchema = { readonly [key: string]: unknown }

/**
 * The fields of a value that its JSON Schema does not name. Schema libraries drop such fields silently by default; over
 * HTTP a misspelt optional field would then change nothing and say nothing. An object that lists `properties` and does
 * not speak of `additionalProperties` is closed here; a loose one says so. Values of unions are judged by the branch
 * that fits best.
 */
export function unknownFields(schema: JsonSchema, value: unknown): PointedError[] {
  return walk({ root: schema, path: [], depth: 0 }, schema, value)
}

interface Place {
  readonly root: JsonSchema
  readonly path: readonly (string | number)[]
  readonly depth: number
}

// References may be recursive; the value ends the recursion unless a schema refers to itself without going deeper.
const maxSteps = 512

function walk(place: Place, given: JsonSchema, value: unknown): PointedError[] {
  if (typeof value !== 'object' || value === null || place.depth > maxSteps) return []
  const schema = resolve(place.root, given)
  const branches = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined
  if (branches !== undefined) return bestBranch(place, branches, value)
  return Array.isArray(value)
    ? walkArray(place, schema, value)
    : walkObject(place, schema, value as Record<string, unknown>)
}

function walkArray(place: Place, schema: JsonSchema, values: readonly unknown[]): PointedError[] {
  const tuple = (schema.prefixItems ?? []) as JsonSchema[]
  const items = asSchema(schema.items)
  return values.flatMap((value, index) => {
    const of = tuple[index] ?? items
    return of === undefined ? [] : walk(deeper(place, index), of, value)
  })
}

function walkObject(
  place: Place,
  schema: JsonSchema,
  value: Record<string, unknown>,
): PointedError[] {
  const parts = [
    schema,
    ...((schema.allOf ?? []) as JsonSchema[]).map((part) => resolve(place.root, part)),
  ]
  const known = new Map<string, JsonSchema>()
  let open = !parts.some((part) => part.properties !== undefined)
  let rest: JsonSchema | undefined
  for (const part of parts) {
    for (const [key, of] of Object.entries((part.properties ?? {}) as Record<string, JsonSchema>))
      known.set(key, of)
    if (part.patternProperties !== undefined || part.propertyNames !== undefined) open = true
    if (part.additionalProperties === true) open = true
    rest = asSchema(part.additionalProperties) ?? rest
  }
  return Object.entries(value).flatMap(([key, item]) => {
    const of = known.get(key) ?? rest
    if (of !== undefined) return walk(deeper(place, key), of, item)
    return open ? [] : [unknown([...place.path, key], [...known.keys()])]
  })
}

function bestBranch(place: Place, branches: readonly JsonSchema[], value: object): PointedError[] {
  let best: PointedError[] | undefined
  for (const branch of branches) {
    const schema = resolve(place.root, branch)
    if (!mayDescribe(schema, value)) continue
    const found = walk({ ...place, depth: place.depth + 1 }, schema, value)
    if (found.length === 0) return []
    if (best === undefined || found.length < best.length) best = found
  }
  // No branch describes the value at all: the schema itself will say so better.
  return best ?? []
}

/** Whether a branch of a union can mean this value: its type fits and every constant in it is met. */
function mayDescribe(schema: JsonSchema, value: object): boolean {
  if (
    schema.type !== undefined &&
    ![schema.type].flat().includes(Array.isArray(value) ? 'array' : 'object')
  )
    return false
  return Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).every(
    ([key, of]) => of.const === undefined || (value as Record<string, unknown>)[key] === of.const,
  )
}

function resolve(root: JsonSchema, schema: JsonSchema): JsonSchema {
  let found = schema
  for (let steps = 0; typeof found.$ref === 'string' && steps < 16; steps++) {
    const path = found.$ref
      .replace(/^#\/?/, '')
      .split('/')
      .filter((part) => part !== '')
    let target: unknown = root
    for (const part of path)
      target = (target as Record<string, unknown> | undefined)?.[
        part.replaceAll('~1', '/').replaceAll('~0', '~')
      ]
    found = (target ?? {}) as JsonSchema
  }
  return found
}

function asSchema(value: unknown): JsonSchema | undefined {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : undefined
}

function deeper(place: Place, key: string | number): Place {
  return { root: place.root, path: [...place.path, key], depth: place.depth + 1 }
}

function unknown(path: readonly (string | number)[], known: readonly string[]): PointedError {
  const message = `expected one of ${known.map((key) => `"${key}"`).join(', ') || 'no fields'}, got a field of another name`
  return { pointer: pointerOf(path), code: 'unrecognized_key', message }
}
