import { isStrayPromise } from './stray-promise.ts'

/**
 * The Standard Schema v1 interface (https://standardschema.dev), restated here so that the core has no dependency.
 * Any validator that implements it (zod, Valibot, ArkType, …) can describe inputs, events, rows and documents.
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
    /** Standard JSON Schema: present in zod 4 and others; used for OpenAPI, typed columns and forms. */
    readonly jsonSchema?: {
      readonly input: (options: JsonSchemaOptions) => Record<string, unknown>
      readonly output: (options: JsonSchemaOptions) => Record<string, unknown>
    }
  }
}

interface JsonSchemaOptions {
  readonly target: string
  /** What one library understands and the others ignore. */
  readonly libraryOptions?: Record<string, unknown> | undefined
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

// `any` as the bound keeps inference cheap: a schema of any input and output fits.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnySchema = Schema<any, any>
export type In<S extends AnySchema> = NonNullable<S['~standard']['types']>['input']
export type Out<S extends AnySchema> = NonNullable<S['~standard']['types']>['output']

/** What a schema must describe and does not: nothing has this type, so the compiler shows the text. */
export interface Expected<Text extends string> {
  readonly expected: Text
}

export interface Issue {
  /** JSON Pointer (RFC 6901) to the offending place, `""` for the whole value. */
  readonly pointer: string
  readonly code: string
  readonly message: string
}

export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: Issue[] }

/** Validates a value; issues come back as data with JSON Pointers. Never throws for a bad value. */
export async function validate<S extends AnySchema>(
  schema: S,
  value: unknown,
): Promise<Validated<Out<S>>> {
  const pending = schema['~standard'].validate(value)
  const result = pending instanceof Promise ? await pending : pending
  return fromResult(result)
}

/** As `validate`, without a promise when the schema answers at once. */
export function validateSoon<S extends AnySchema>(
  schema: S,
  value: unknown,
): Validated<Out<S>> | Promise<Validated<Out<S>>> {
  const result = schema['~standard'].validate(value)
  return result instanceof Promise ? result.then(fromResult<Out<S>>) : fromResult(result)
}

/** As `validate`, for schemas that answer at once. Throws a TypeError if the schema is asynchronous. */
export function validateNow<S extends AnySchema>(schema: S, value: unknown): Validated<Out<S>> {
  const result = schema['~standard'].validate(value)
  if (isStrayPromise(result))
    throw new TypeError('expected a schema that validates synchronously, got a promise')
  return fromResult(result)
}

function fromResult<T>(result: SchemaResult<T>): Validated<T> {
  if (result.issues === undefined) return { ok: true, value: result.value }
  return { ok: false, issues: result.issues.map(toIssue) }
}

function toIssue(issue: SchemaIssue): Issue {
  const coded = issue as SchemaIssue & { readonly code?: unknown }
  const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part))
  const pointer = path
    .map((key) => '/' + String(key).replaceAll('~', '~0').replaceAll('/', '~1'))
    .join('')
  return {
    pointer,
    code: typeof coded.code === 'string' ? coded.code : 'invalid',
    message: issue.message,
  }
}

/** The JSON Schema (draft 2020-12) of a schema, or undefined when its library offers none. */
export function jsonSchemaOf(
  schema: AnySchema,
  side: 'input' | 'output',
): Record<string, unknown> | undefined {
  try {
    return schema['~standard'].jsonSchema?.[side]({ target: 'draft-2020-12' })
  } catch {
    // Libraries throw for types that JSON Schema cannot say (bigint, transforms): the caller then treats it as free-form.
    return undefined
  }
}
