import { TailraceError, nearest, type AnyProjectionDef } from 'tailrace/adapter'
import { fieldShapes, type FieldShape } from './field-kinds.ts'
import { encodeValue, type FieldKind } from './ordered-value.ts'

/** Each lookup is a sorted set named by a letter. */
export const lookupIds: readonly string[] = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef']

export interface LookupField {
  readonly name: string
  readonly kind: FieldKind
  readonly list: boolean
}

export interface Lookup {
  readonly id: string
  readonly fields: readonly LookupField[]
}

/** What the declared lookups of a projection come to. */
export interface Lookups {
  readonly all: readonly Lookup[]
  /** For comparing with what a version was made for. */
  readonly shape: string
  /** Field of a query. Throws `READ_UNSUPPORTED` for one that documents do not have, or that cannot be looked up. */
  field(name: string): LookupField
  /** The entries of a document, without its key: letter, length in bytes (5 digits), encoded values. */
  entriesOf(document: unknown): string
}

/** Throws `CONFIG` for lookups that this store cannot keep. */
export function compileLookups(projection: AnyProjectionDef): Lookups {
  const where = `projection "${projection.name}"`
  const shapes = fieldShapes(projection)
  const lists = (projection.lookup.by ?? []) as readonly (readonly string[])[]
  if (lists.length > lookupIds.length)
    throw config(`expected at most ${lookupIds.length} lookups of ${where}, got ${lists.length}`)
  const all = lists.map((names, i): Lookup => {
    const fields = names.map((name) => fieldOf(shapes, name) ?? unknown(where, name, shapes))
    if (fields.length === 0) throw config(`expected the lookups of ${where} to name fields, got []`)
    if (fields.filter((field) => field.list).length > 1)
      throw config(
        `expected at most one list in a lookup of ${where}, got [${names.join(', ')}]; an entry for each pair would be too many`,
      )
    return { id: lookupIds[i]!, fields }
  })
  return {
    all,
    shape: JSON.stringify(
      all.map(({ fields }) =>
        fields.map(({ name, kind, list }) => `${name}:${kind}${list ? '[]' : ''}`),
      ),
    ),
    field(name) {
      const field = fieldOf(shapes, name)
      if (field !== undefined) return field
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected a field of the documents of ${where} that holds values or a list of values, got "${name}"${nearest(name, [...(shapes?.keys() ?? [])])}`,
      )
    },
    entriesOf: (document) => all.map((lookup) => lookupEntries(lookup, document)).join(''),
  }
}

function config(message: string): TailraceError {
  return new TailraceError('CONFIG', message)
}

function fieldOf(
  shapes: ReadonlyMap<string, FieldShape> | undefined,
  name: string,
): LookupField | undefined {
  // Without a schema a value is what it is, and a list is none.
  const shape = shapes === undefined ? { kind: 'any' as const, list: false } : shapes.get(name)
  if (shape === undefined || shape.kind === 'object') return undefined
  return { name, kind: shape.kind, list: shape.list }
}

function unknown(
  where: string,
  name: string,
  shapes: ReadonlyMap<string, FieldShape> | undefined,
): never {
  throw config(
    `expected the lookup of ${where} to name values or lists of values of its document schema, got "${name}"${nearest(name, [...(shapes?.keys() ?? [])])}`,
  )
}

function lookupEntries({ id, fields }: Lookup, document: unknown): string {
  let entries = ['']
  for (const { name, kind, list } of fields) {
    const value = ownValue(document, name)
    const encoded = list
      ? Array.isArray(value)
        ? [...new Set(value.map((one) => encodeValue(kind, asStored(one))))]
        : []
      : [encodeValue(kind, asStored(value))]
    entries = entries.flatMap((entry) => encoded.map((one) => entry + one))
  }
  return entries
    .map((entry) => `${id}${String(Buffer.byteLength(entry)).padStart(5, '0')}${entry}`)
    .join('')
}

function ownValue(document: unknown, name: string): unknown {
  if (typeof document !== 'object' || document === null || !Object.hasOwn(document, name))
    return undefined
  return (document as Readonly<Record<string, unknown>>)[name]
}

/** A value as it comes back from JSON, which leaves out what is no data: by that a document is to be found. */
function asStored(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}
