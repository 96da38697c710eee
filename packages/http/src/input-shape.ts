import { jsonSchemaOf, type AnySchema } from 'tailrace/adapter'
import { ProblemError } from './problem.ts'
import { unknownFields, type JsonSchema } from './unknown-fields.ts'

const shapes = new WeakMap<AnySchema, JsonSchema | false>()

/** Refuses fields that the schema of the input does not name (422). Schemas that offer no JSON Schema judge alone. */
export function refuseUnknownFields(schema: AnySchema, input: unknown): void {
  let shape = shapes.get(schema)
  if (shape === undefined) {
    shape = jsonSchemaOf(schema, 'input') ?? false
    shapes.set(schema, shape)
  }
  if (shape === false) return
  const errors = unknownFields(shape, input)
  if (errors.length === 0) return
  const places = errors
    .slice(0, 5)
    .map((error) => error.pointer)
    .join(', ')
  throw new ProblemError(
    'INPUT_INVALID',
    `expected only fields that the input has, got ${places}`,
    { errors: errors.slice(0, 100) },
  )
}
