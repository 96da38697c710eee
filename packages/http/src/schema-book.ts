import { jsonSchemaOf, type AnySchema } from 'tailrace/adapter'
import type { JsonSchema } from './unknown-fields.ts'

/**
 * Collects the JSON Schemas of declarations into the `components` of one OpenAPI document: definitions that a schema
 * carries inside itself are hoisted there under a name of their own, and references are turned to them.
 */
export class SchemaBook {
  readonly schemas: Record<string, JsonSchema> = {}

  /** The schema of an input. Fields that it does not name are refused over HTTP, and the document says so. */
  input(owner: string, schema: AnySchema): JsonSchema {
    return this.#embed(owner, jsonSchemaOf(schema, 'input') ?? {}, true)
  }

  /** The schema of what we answer; free-form where its library offers none. */
  output(owner: string, schema: AnySchema | undefined): JsonSchema {
    return this.#embed(owner, (schema && jsonSchemaOf(schema, 'output')) ?? {}, false)
  }

  #embed(owner: string, schema: JsonSchema, close: boolean): JsonSchema {
    const { $schema: _, $defs, ...own } = schema
    const rewrite = (part: unknown): unknown => rewritten(part, owner, close)
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
      this.schemas[`${owner}_${name}`] = rewrite(definition) as JsonSchema
    }
    return rewrite(own) as JsonSchema
  }
}

function rewritten(part: unknown, owner: string, close: boolean): unknown {
  if (Array.isArray(part)) return part.map((item) => rewritten(item, owner, close))
  if (typeof part !== 'object' || part === null) return part
  const made = Object.fromEntries(
    Object.entries(part).map(([key, value]) => [key, valueOf(key, value, owner, close)]),
  )
  if (typeof made.$ref === 'string')
    made.$ref = made.$ref.replace('#/$defs/', `#/components/schemas/${owner}_`)
  if (close && made.properties !== undefined && made.additionalProperties === undefined)
    made.additionalProperties = false
  return made
}

/** Constants, defaults and examples are values, not schemas; `properties` is a map of schemas, not a schema. */
function valueOf(key: string, value: unknown, owner: string, close: boolean): unknown {
  if (['const', 'enum', 'default', 'examples', 'required'].includes(key)) return value
  if (key !== 'properties' && key !== 'patternProperties') return rewritten(value, owner, close)
  return Object.fromEntries(
    Object.entries(value as object).map(([name, of]) => [name, rewritten(of, owner, close)]),
  )
}
