import { resolveSchema, schemaTypes, type JsonSchema } from './json-schema.ts'
import type { AnyProjectionDef } from './projection.ts'
import { jsonSchemaOf } from './standard-schema.ts'

/** What a value may be, by its schema. */
export interface ValueForms {
  /** One for each type of each variant, without null. */
  readonly forms: readonly ValueForm[]
  readonly nullable: boolean
}

export interface ValueForm {
  /** The JSON type; undefined where the schema names none but null, or refers to itself without end. */
  readonly type: string | undefined
  /** The schema that names the type, with its `format` and the like. */
  readonly schema: JsonSchema
  /** What the elements of a list may be; undefined where nothing is said of them. */
  readonly item: ValueForms | undefined
}

/** A top-level property of the documents. */
export interface DocumentProperty extends ValueForms {
  /** It may be absent: not required, or only there in some variants of the document. */
  readonly optional: boolean
}

/**
 * The top-level properties of a projection's documents or rows by the JSON schema of its document, which every store reads
 * by this one rule: a property of several variants has the forms of all of them; of what must hold together (`allOf`, and what
 * stands beside it), the last that names a property describes it. Undefined when the schema's library offers no JSON schema;
 * empty when the documents are no objects.
 */
export function documentProperties({
  schema,
}: AnyProjectionDef): ReadonlyMap<string, DocumentProperty> | undefined {
  const root = schema === undefined ? undefined : jsonSchemaOf(schema, 'output')
  return root === undefined ? undefined : propertiesOf(root, [root])
}

/** The schemas from the root to one: where it is met again, it says nothing new. */
type Path = readonly JsonSchema[]

function followed(schema: JsonSchema, path: Path): { resolved: JsonSchema; path: Path } {
  const resolved = resolveSchema(schema, path[0]!)
  const isMetAgain = path.length > 1 && path.includes(resolved)
  return isMetAgain ? { resolved: {}, path } : { resolved, path: [...path, resolved] }
}

function propertiesOf(schema: JsonSchema, from: Path): Map<string, DocumentProperty> {
  const { resolved, path } = followed(schema, from)
  const properties = new Map<string, DocumentProperty>()
  for (const part of (resolved['allOf'] ?? []) as readonly JsonSchema[])
    for (const [name, property] of propertiesOf(part, path)) properties.set(name, property)
  const variants = variantsOf(resolved)?.map((variant) => propertiesOf(variant, path)) ?? []
  for (const [name, property] of inAnyOf(variants)) properties.set(name, property)
  const required = new Set((resolved['required'] ?? []) as readonly string[])
  const own = (resolved['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  for (const [name, value] of Object.entries(own)) {
    // Read back into an object, it would be no property.
    if (name === '__proto__') continue
    properties.set(name, { ...formsOf(value, path), optional: !required.has(name) })
  }
  return properties
}

function variantsOf(schema: JsonSchema): readonly JsonSchema[] | undefined {
  return (schema['oneOf'] ?? schema['anyOf']) as readonly JsonSchema[] | undefined
}

function inAnyOf(
  variants: readonly ReadonlyMap<string, DocumentProperty>[],
): Map<string, DocumentProperty> {
  const names = new Set(variants.flatMap((variant) => [...variant.keys()]))
  return new Map(
    [...names].map((name) => {
      const found = variants.flatMap((variant) => variant.get(name) ?? [])
      const optional = found.length < variants.length || found.some((one) => one.optional)
      return [name, { ...joined(found), optional }]
    }),
  )
}

function joined(values: readonly ValueForms[]): ValueForms {
  return {
    forms: values.flatMap(({ forms }) => forms),
    nullable: values.some(({ nullable }) => nullable),
  }
}

function formsOf(schema: JsonSchema, from: Path): ValueForms {
  const { resolved, path } = followed(schema, from)
  const types = schemaTypes(resolved)
  const unknown: ValueForm = { type: undefined, schema: resolved, item: undefined }
  const variants = variantsOf(resolved)
  if (variants !== undefined) {
    const others = variants.filter((variant) => variant['type'] !== 'null')
    const { forms, nullable } = joined(others.map((variant) => formsOf(variant, path)))
    return {
      forms: forms.length === 0 ? [unknown] : forms,
      nullable: nullable || others.length < variants.length,
    }
  }
  const { items } = resolved
  const isList = types.includes('array') && typeof items === 'object' && items !== null
  const item = isList ? formsOf(items as JsonSchema, path) : undefined
  const forms = types
    .filter((type) => type !== 'null')
    .map((type) => ({ type, schema: resolved, item: type === 'array' ? item : undefined }))
  return { forms: forms.length === 0 ? [unknown] : forms, nullable: types.includes('null') }
}
