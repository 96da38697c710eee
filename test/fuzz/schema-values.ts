import * as fc from 'fast-check'

type Schema = { readonly [key: string]: unknown }

/** Values that fit a JSON schema of an OpenAPI document, mostly: what is not understood becomes any JSON. */
export function schemaValues(document: Schema, schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  const reference = schema['$ref']
  if (typeof reference === 'string')
    return depth > 8
      ? fc.constant(null)
      : schemaValues(document, follow(document, reference), depth + 1)
  if (schema['const'] !== undefined) return fc.constant(schema['const'])
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]))
  const choices = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined
  if (choices !== undefined && choices.length > 0)
    return fc.oneof(...choices.map((choice) => schemaValues(document, choice, depth + 1)))
  const { type } = schema
  const types = Array.isArray(type) ? (type as string[]) : [type as string]
  return fc.oneof(...types.map((one) => ofType(document, schema, one, depth)))
}

function ofType(
  document: Schema,
  schema: Schema,
  type: string,
  depth: number,
): fc.Arbitrary<unknown> {
  switch (type) {
    case 'object':
      return objects(document, schema, depth)
    case 'array':
      return fc.array(schemaValues(document, (schema['items'] ?? {}) as Schema, depth + 1), {
        minLength: Number(schema['minItems'] ?? 0),
        maxLength: Math.max(
          Number(schema['minItems'] ?? 0),
          Math.min(Number(schema['maxItems'] ?? 4), 6),
        ),
      })
    case 'integer':
    case 'number':
      return fc.integer({
        min: bound(schema['minimum'], -10),
        max: bound(schema['maximum'], 1_000_000),
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'string':
      return texts(schema)
    default:
      return fc.jsonValue({ maxDepth: 3 })
  }
}

function objects(document: Schema, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)
  const required = (schema['required'] ?? []) as string[]
  const fields = properties.map(
    ([name, of]) => [name, schemaValues(document, of, depth + 1)] as const,
  )
  return fc.record(Object.fromEntries(fields), {
    requiredKeys: required.filter((name) => properties.some(([one]) => one === name)),
  })
}

function texts(schema: Schema): fc.Arbitrary<string> {
  if (schema['format'] === 'uuid') return fc.uuid()
  if (schema['format'] === 'date-time')
    return fc
      .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString())
  if (schema['format'] === 'date')
    return fc
      .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10))
  if (typeof schema['pattern'] === 'string') {
    try {
      return fc.stringMatching(new RegExp(schema['pattern'], 'u'))
    } catch {
      return fc.string()
    }
  }
  const minLength = Number(schema['minLength'] ?? 0)
  return fc.string({
    minLength,
    maxLength: Math.max(minLength, Math.min(Number(schema['maxLength'] ?? 20), 60)),
  })
}

function bound(value: unknown, otherwise: number): number {
  const found = typeof value === 'number' ? value : otherwise
  return Math.max(-2_147_483_648, Math.min(2_147_483_647, Math.trunc(found)))
}

function follow(document: Schema, reference: string): Schema {
  let found: unknown = document
  for (const part of reference.slice(2).split('/'))
    found = (found as Schema)[part.replaceAll('~1', '/')]
  return found as Schema
}
