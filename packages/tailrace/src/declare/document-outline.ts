import { resolveSchema, schemaTypes, type JsonSchema } from './json-schema.ts'
import type { AnyProjectionDef } from './projection.ts'
import { jsonSchemaOf } from './standard-schema.ts'

interface Property {
  readonly types: ReadonlySet<string>
  readonly optional: boolean
}

/**
 * The top-level properties of a projection's documents and their JSON types, as text: for stores without columns, which
 * tell by it whether a version was made for documents of another shape. What else the schema says leaves it as it is.
 * Empty when the schema's library offers no JSON schema, or the documents are no objects: then nothing is known.
 */
export function documentOutline({ schema }: AnyProjectionDef): string {
  const root = schema === undefined ? undefined : jsonSchemaOf(schema, 'output')
  if (root === undefined) return ''
  return [...propertiesOf(root, root)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, { types, optional }]) =>
        `${JSON.stringify(name)}${optional ? '?' : ''}:${[...types].toSorted().join('|')}`,
    )
    .join(',')
}

function propertiesOf(schema: JsonSchema, root: JsonSchema): Map<string, Property> {
  const resolved = resolveSchema(schema, root)
  const variants = variantsOf(resolved)
  if (variants !== undefined) return inAnyOf(variants.map((variant) => propertiesOf(variant, root)))
  const properties = new Map<string, Property>()
  for (const part of (resolved['allOf'] ?? []) as readonly JsonSchema[])
    for (const [name, property] of propertiesOf(part, root)) properties.set(name, property)
  const required = new Set((resolved['required'] ?? []) as readonly string[])
  const own = (resolved['properties'] ?? {}) as Record<string, JsonSchema>
  for (const [name, value] of Object.entries(own))
    properties.set(name, { types: typesOf(value, root), optional: !required.has(name) })
  return properties
}

function variantsOf(schema: JsonSchema): readonly JsonSchema[] | undefined {
  return (schema['oneOf'] ?? schema['anyOf']) as readonly JsonSchema[] | undefined
}

function inAnyOf(variants: readonly Map<string, Property>[]): Map<string, Property> {
  const names = new Set(variants.flatMap((variant) => [...variant.keys()]))
  return new Map(
    [...names].map((name) => {
      const found = variants.map((variant) => variant.get(name))
      return [
        name,
        {
          types: new Set(found.flatMap((property) => [...(property?.types ?? [])])),
          optional: found.some((property) => property?.optional ?? true),
        },
      ]
    }),
  )
}

function typesOf(schema: JsonSchema, root: JsonSchema): ReadonlySet<string> {
  const resolved = resolveSchema(schema, root)
  const variants = variantsOf(resolved)
  return new Set(
    variants === undefined
      ? schemaTypes(resolved)
      : variants.flatMap((variant) => [...typesOf(variant, root)]),
  )
}
