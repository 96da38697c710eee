import {
  jsonSchemaOf,
  type AnyProjectionDef,
  resolveSchema,
  schemaTypes,
  type JsonSchema,
} from 'tailrace/adapter'
import type { FieldKind } from './ordered-value.ts'

/** What a property of a document is to a lookup; `object`: nothing that can be looked up. */
export interface FieldShape {
  readonly kind: FieldKind | 'object'
  /** A list of such values. */
  readonly list: boolean
}

const object: FieldShape = { kind: 'object', list: false }

/** The properties of a projection's documents by the JSON schema of its document; undefined when there is none. */
export function fieldShapes(
  projection: AnyProjectionDef,
): ReadonlyMap<string, FieldShape> | undefined {
  const root =
    projection.schema === undefined ? undefined : jsonSchemaOf(projection.schema, 'output')
  if (root === undefined) return undefined
  const shapes = propertiesOf(root, root)
  return shapes.size === 0 ? undefined : shapes
}

function propertiesOf(schema: JsonSchema, root: JsonSchema): Map<string, FieldShape> {
  const resolved = resolveSchema(schema, root)
  const shapes = new Map<string, FieldShape>()
  const parts = [
    ...((resolved['allOf'] ?? []) as readonly JsonSchema[]),
    ...((resolved['anyOf'] ?? resolved['oneOf'] ?? []) as readonly JsonSchema[]),
  ]
  for (const part of parts)
    for (const [name, shape] of propertiesOf(part, root))
      shapes.set(name, same(shapes.get(name) ?? shape, shape))
  const own = (resolved['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  for (const [name, property] of Object.entries(own)) shapes.set(name, shapeOf(property, root))
  return shapes
}

/** Two variants of one property: a value of several kinds is compared by what it is. */
function same(a: FieldShape, b: FieldShape): FieldShape {
  if (a.kind === b.kind && a.list === b.list) return a
  return a.list || b.list || a.kind === 'object' || b.kind === 'object'
    ? object
    : { kind: 'any', list: false }
}

function shapeOf(schema: JsonSchema, root: JsonSchema): FieldShape {
  const resolved = resolveSchema(schema, root)
  const variants = (resolved['anyOf'] ?? resolved['oneOf']) as readonly JsonSchema[] | undefined
  if (variants !== undefined) {
    const shapes = variants
      .filter((variant) => variant['type'] !== 'null')
      .map((variant) => shapeOf(variant, root))
    return shapes.length === 0 ? object : shapes.reduce(same)
  }
  const types = schemaTypes(resolved).filter((type) => type !== 'null')
  if (types.length === 0) return object
  return types.map((type) => shapeOfType(type, resolved, root)).reduce(same)
}

function shapeOfType(type: string, schema: JsonSchema, root: JsonSchema): FieldShape {
  if (type === 'boolean') return { kind: 'boolean', list: false }
  if (type === 'integer' || type === 'number') return { kind: 'number', list: false }
  if (type === 'string') {
    const kinds: Readonly<Record<string, FieldKind>> = { uuid: 'uuid', 'date-time': 'time' }
    return { kind: kinds[String(schema['format'])] ?? 'text', list: false }
  }
  const items = schema['items']
  if (type !== 'array' || typeof items !== 'object' || items === null) return object
  const item = shapeOf(items as JsonSchema, root)
  return item.list || item.kind === 'object' ? object : { ...item, list: true }
}
