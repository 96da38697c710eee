import type { NotJson } from './not-json.ts'
import type { AnySchema } from './standard-schema.ts'

/** What a schema library calls what JSON cannot hold, in words, with what to use instead. */
const kinds: Readonly<Record<string, string>> = {
  date: 'a Date; use a string, such as an RFC 3339 time',
  bigint: 'a bigint; use a safe integer, or a string of digits',
  map: 'a Map; use an object, or a list of pairs',
  set: 'a Set; use a list',
  symbol: 'a symbol; use a string',
  nan: 'NaN; use null',
  function: 'a function; leave it out',
  promise: 'a promise; leave it out',
  file: 'a file; use a string',
}

/** What zod tells of each schema on its way; other libraries ignore the question. */
interface Visited {
  readonly zodSchema: { readonly def?: { readonly type?: string } }
  readonly path: readonly (string | number)[]
}

/**
 * The first place at which the values of a schema are what JSON cannot hold, as far as its library says: for others, and for
 * what a schema leaves open, values tell (`findNotJson`). A part of lists and records is `*` in the pointer.
 */
export function findNotJsonSchema(schema: AnySchema): NotJson | undefined {
  let found: NotJson | undefined
  const override = ({ zodSchema, path }: Visited): void => {
    const got = kinds[zodSchema.def?.type ?? '']
    if (got !== undefined) found = { pointer: pointerOf(path), got }
  }
  try {
    schema['~standard'].jsonSchema?.output({
      target: 'draft-2020-12',
      libraryOptions: { unrepresentable: 'any', override },
    })
  } catch {
    // What a library cannot describe at all is looked at when there are values.
  }
  return found
}

/** The place in values that a place in their JSON Schema stands for. */
function pointerOf(path: readonly (string | number)[]): string {
  let pointer = ''
  for (let i = 0; i < path.length; i++) {
    if (path[i] === 'properties') pointer += `/${path[++i]}`
    else if (path[i] === 'items' || path[i] === 'additionalProperties') pointer += '/*'
    else if (path[i] === 'prefixItems') pointer += `/${path[++i]}`
  }
  return pointer
}
