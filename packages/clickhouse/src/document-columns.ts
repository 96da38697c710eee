import {
  documentProperties,
  TailraceError,
  type AnyProjectionDef,
  type DocumentProperty,
  type ValueForm,
  type ValueForms,
} from 'tailrace/adapter'
import { declaredType, inferredType, type ColumnType } from './column-type.ts'

/** One top-level property of a document or row in a column of its own. */
export interface DocumentColumn {
  readonly property: string
  /** Unquoted. */
  readonly name: string
  readonly type: ColumnType
  /** The property may be absent. Then a NULL reads as absent, else as null. */
  readonly optional: boolean
  /** The column holds NULL. Lists and JSON never do: what is missing there is noted beside them. */
  readonly nullable: boolean
}

/** What has no column is kept in `_extra`. */
const columnsMax = 200

/**
 * The typed columns of a projection, from the JSON schema of its document or row, and from `declared` where the schema
 * cannot say the type. Empty when its library offers no JSON schema, or the documents are not objects: then the whole
 * document is one JSON value. Throws `CONFIG`.
 */
export function documentColumns(
  projection: AnyProjectionDef,
  declared: Readonly<Record<string, string>>,
): readonly DocumentColumn[] {
  const properties = documentProperties(projection) ?? new Map<string, DocumentProperty>()
  for (const property of Object.keys(declared)) {
    if (!properties.has(property))
      throw config(
        projection,
        `columns to name properties of its ${projection.shape === 'rows' ? 'row' : 'document'} schema, got "${property}"`,
      )
  }
  const taken = new Set<string>()
  return [...properties].slice(0, columnsMax).map(([property, shape]) => {
    const own = declared[property]
    const type = own === undefined ? typeOf(shape) : declaredType(own, property, projection)
    if (own === undefined) checkMoney(projection, property, type)
    const holdsNull = type.kind !== 'list' && type.kind !== 'json'
    // A row is dense and sorted; a document may have been written by older code that knew less.
    const nullable = holdsNull && (shape.optional || shape.nullable || projection.shape === 'fold')
    return { property, name: columnName(property, taken), type, optional: shape.optional, nullable }
  })
}

function config(projection: AnyProjectionDef, text: string): TailraceError {
  return new TailraceError('CONFIG', `expected projection "${projection.name}" with ${text}`)
}

const moneyWords: ReadonlySet<string> = new Set(
  'amount amounts balance cost costs fee fees minor money price prices revenue total totals'.split(
    ' ',
  ),
)

/** Money in a Float64 adds up to something else than it should, so it is not taken for one by accident. */
function checkMoney(projection: AnyProjectionDef, property: string, type: ColumnType): void {
  if (type.kind !== 'double') return
  const words = property
    .replaceAll(/[A-Z]/g, ' $&')
    .toLowerCase()
    .split(/[^a-z]+/)
  if (!words.some((word) => moneyWords.has(word))) return
  throw config(
    projection,
    `"${property}" in whole minor units or as a decimal, got "number", which would be a Float64; ` +
      `declare it as an integer, or give columns: { ${property}: 'Decimal(18, 2)' } (or 'Float64' if it is no money)`,
  )
}

/** One of several types is JSON. */
function typeOf({ forms }: Pick<ValueForms, 'forms'>): ColumnType {
  const types = forms.map(typeOfForm)
  const texts = new Set(types.map((type) => JSON.stringify(type)))
  return texts.size === 1 ? types[0]! : { kind: 'json' }
}

function typeOfForm({ type, schema, item }: ValueForm): ColumnType {
  if (type === undefined) return { kind: 'json' }
  return inferredType(type, schema, item && { type: typeOf(item), nullable: item.nullable })
}

/** camelCase → snake_case; a name that is taken gets a number. A leading underscore is ours: `_key`, `_position`, `_extra`. */
function columnName(property: string, taken: Set<string>): string {
  const snake = property
    .replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replaceAll(/[^a-z0-9_]/g, '_')
  const base = (
    /^[a-z]/.test(snake) ? snake : `p${snake.startsWith('_') ? '' : '_'}${snake}`
  ).slice(0, 100)
  let name = base
  for (let i = 2; taken.has(name); i++) name = `${base}_${i}`
  taken.add(name)
  return name
}
