/** A JSON Schema as far as stores read it. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What a `$ref` within the schema `root` leads to, one step far; a schema that refers to itself says nothing. */
export function resolveSchema(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const ref = schema['$ref']
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return schema
  let found: unknown = root
  for (const part of ref.slice(2).split('/')) {
    found = (found as JsonSchema | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return typeof found === 'object' && found !== null && !('$ref' in found)
    ? (found as JsonSchema)
    : {}
}

/** The JSON types that a value may have, each once; those of its constants where no type is named. */
export function schemaTypes(schema: JsonSchema): readonly string[] {
  const type = schema['type']
  if (typeof type === 'string') return [type]
  if (Array.isArray(type)) return type as string[]
  const values =
    'const' in schema ? [schema['const']] : ((schema['enum'] ?? []) as readonly unknown[])
  return [...new Set(values.map((value) => (value === null ? 'null' : typeof value)))]
}
