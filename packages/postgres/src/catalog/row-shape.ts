import { jsonSchemaOf, type AnySchema } from 'tailrace/adapter'

/** What a row schema says of one property. */
export interface PropertyShape {
  /** JSON types that it may have, without null; undefined: any. */
  readonly types: ReadonlySet<JsonType> | undefined
  readonly nullable: boolean
  readonly optional: boolean
  /** Of a list's elements, as above. */
  readonly items: ReadonlySet<JsonType> | undefined
}

export type JsonType = 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array'

type Json = Readonly<Record<string, unknown>>

/** The properties of a row schema by name; undefined when its library cannot describe it. */
export function rowShape(schema: AnySchema): ReadonlyMap<string, PropertyShape> | undefined {
  const root = jsonSchemaOf(schema, 'output')
  const described = root === undefined ? undefined : resolve(root, root)
  const properties = described?.['properties'] as Readonly<Record<string, Json>> | undefined
  if (root === undefined || properties === undefined) return undefined
  const required = new Set((described?.['required'] as string[] | undefined) ?? [])
  return new Map(
    Object.entries(properties).map(([name, property]) => [
      name,
      { ...propertyShape(property, root), optional: !required.has(name) },
    ]),
  )
}

function propertyShape(property: Json, root: Json): Omit<PropertyShape, 'optional'> {
  const found = new Set<JsonType | 'null'>()
  const known = collect(property, root, found)
  const nullable = !known || found.delete('null')
  const items = new Set<JsonType | 'null'>()
  const list = known ? arrayItems(property, root) : undefined
  const itemsKnown = list !== undefined && collect(list, root, items)
  items.delete('null')
  return {
    types: known ? (found as Set<JsonType>) : undefined,
    nullable,
    items: itemsKnown ? (items as Set<JsonType>) : undefined,
  }
}

/** Adds the types that a schema allows; false when it allows anything. */
function collect(schema: Json, root: Json, found: Set<JsonType | 'null'>): boolean {
  const here = resolve(schema, root)
  const alternatives = (here['anyOf'] ?? here['oneOf']) as Json[] | undefined
  if (alternatives !== undefined)
    return alternatives.map((one) => collect(one, root, found)).every(Boolean)
  const all = here['allOf'] as Json[] | undefined
  if (here['type'] === undefined && all !== undefined)
    return all.map((one) => collect(one, root, found)).some(Boolean)
  if (here['type'] !== undefined) {
    for (const type of [here['type']].flat()) found.add(type as JsonType)
    return true
  }
  const values = 'const' in here ? [here['const']] : (here['enum'] as unknown[] | undefined)
  if (values === undefined) return false
  for (const value of values) found.add(typeOfValue(value))
  return true
}

function arrayItems(schema: Json, root: Json): Json | undefined {
  const here = resolve(schema, root)
  const alternatives = (here['anyOf'] ?? here['oneOf']) as Json[] | undefined
  if (alternatives !== undefined)
    return alternatives.map((one) => arrayItems(one, root)).find((items) => items !== undefined)
  const items = here['items']
  return typeof items === 'object' && items !== null ? (items as Json) : undefined
}

/** Follows references inside the schema itself. */
function resolve(schema: Json, root: Json): Json {
  let here = schema
  // A chain of references longer than this goes round in a circle: then nothing is known of it.
  for (let i = 0; i < 20; i++) {
    const reference = here['$ref']
    if (typeof reference !== 'string' || !reference.startsWith('#')) return here
    let target: unknown = root
    for (const part of reference.split('/').slice(1)) target = (target as Json | undefined)?.[part]
    if (typeof target !== 'object' || target === null) return {}
    here = target as Json
  }
  return {}
}

function typeOfValue(value: unknown): JsonType | 'null' {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value as JsonType
}
