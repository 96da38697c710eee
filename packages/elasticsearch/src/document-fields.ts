import {
  TailraceError,
  documentProperties,
  nearest,
  type AnyProjectionDef,
  type ValueForm,
  type ValueForms,
} from 'tailrace/adapter'

/** How a value is indexed; `none`: kept, and not searched. */
export type FieldKind = 'keyword' | 'uuid' | 'date' | 'long' | 'double' | 'boolean' | 'none'

/** A top-level property of the documents. */
export interface DocumentField {
  readonly property: string
  /** Its name in the index, under `doc`. */
  readonly name: string
  readonly kind: FieldKind
  /** A list of such values. */
  readonly list: boolean
  /** Searched by `find({ text })`. */
  readonly text: boolean
}

type Shape = Pick<DocumentField, 'kind' | 'list'>

/** An index allows 1,000 fields, each of ours may be two; what is beyond is kept without being searched. */
const fieldsMax = 200
const none: Shape = { kind: 'none', list: false }

/**
 * The fields of a projection's documents, from the JSON schema of its document. Empty when the schema's library offers no
 * JSON schema, or the documents are not objects. Throws `CONFIG` for a lookup that cannot be served.
 */
export function documentFields(projection: AnyProjectionDef): readonly DocumentField[] {
  const properties = documentProperties(projection) ?? []
  const text = new Set<string>((projection.lookup.text ?? []) as readonly string[])
  const taken = new Set<string>()
  const fields = [...properties].slice(0, fieldsMax).map(([property, value]): DocumentField => ({
    property,
    name: fieldName(property, taken),
    ...shapeOf(value),
    text: text.has(property),
  }))
  checkLookup(projection, fields)
  return fields
}

/** The field of a property. Throws `READ_UNSUPPORTED`. */
export function fieldOf(
  fields: ReadonlyMap<string, DocumentField>,
  property: string,
): DocumentField {
  const field = fields.get(property)
  if (field !== undefined) return field
  throw new TailraceError(
    'READ_UNSUPPORTED',
    `expected a property of the documents, got "${property}"${nearest(property, [...fields.keys()])}`,
  )
}

function checkLookup(projection: AnyProjectionDef, fields: readonly DocumentField[]): void {
  const byProperty = new Map(fields.map((field) => [field.property, field]))
  const lists = (projection.lookup.by ?? []) as readonly (readonly string[])[]
  const text = (projection.lookup.text ?? []) as readonly string[]
  for (const property of [...lists.flat(), ...text]) {
    const field = byProperty.get(property)
    if (field !== undefined && field.kind !== 'none') continue
    throw new TailraceError(
      'CONFIG',
      `expected the lookup of projection "${projection.name}" to name scalars or lists of scalars of its document schema, got "${property}"${nearest(property, [...byProperty.keys()])}`,
    )
  }
  for (const property of text) {
    const { kind } = byProperty.get(property)!
    if (kind === 'keyword' || kind === 'uuid' || kind === 'long') continue
    throw new TailraceError(
      'CONFIG',
      `expected the text lookup of projection "${projection.name}" to name strings or lists of strings, got "${property}"`,
    )
  }
}

/** A property that is different things in different variants is not searched. */
function shapeOf({ forms }: ValueForms): Shape {
  const shapes = forms.map(shapeOfForm)
  const names = new Set(shapes.map(({ kind, list }) => `${kind}${list}`))
  return names.size === 1 ? shapes[0]! : none
}

function shapeOfForm({ type, schema, item }: ValueForm): Shape {
  if (type !== 'array') return { kind: scalarKind(type, schema['format']), list: false }
  if (item === undefined) return none
  const { kind, list } = shapeOf(item)
  return list ? none : { kind, list: kind !== 'none' }
}

function scalarKind(type: string | undefined, format: unknown): FieldKind {
  if (type === 'boolean') return 'boolean'
  if (type === 'integer') return 'long'
  if (type === 'number') return 'double'
  if (type !== 'string') return 'none'
  if (format === 'uuid') return 'uuid'
  return format === 'date-time' ? 'date' : 'keyword'
}

/** Dots would make objects, and some letters are not allowed: such properties get a name of their own. */
function fieldName(property: string, taken: Set<string>): string {
  const base = /^[A-Za-z][A-Za-z0-9_]{0,60}$/.test(property) ? property : 'property'
  let name = base
  for (let i = 2; taken.has(name); i++) name = `${base}_${i}`
  taken.add(name)
  return name
}
