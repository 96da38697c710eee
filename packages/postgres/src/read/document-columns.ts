import {
  documentProperties,
  type AnyProjectionDef,
  type ValueForm,
  type ValueForms,
} from 'tailrace/adapter'

/**
 * `jsonb`: lists of scalars, which `has` can search. `json`: everything else, kept as text and not searched.
 * The others are what their names say.
 */
export type ColumnKind =
  | 'text'
  | 'uuid'
  | 'timestamptz'
  | 'bigint'
  | 'double'
  | 'boolean'
  | 'jsonb'
  | 'json'

/** One top-level property of a document in a column of its own. */
export interface DocumentColumn {
  readonly property: string
  /** The unquoted column name. */
  readonly name: string
  readonly kind: ColumnKind
  /** The property may be absent. Then a NULL reads as absent, else as null. */
  readonly optional: boolean
  /** The column may hold NULL by what the schema says. */
  readonly nullable: boolean
}

/** PostgreSQL allows 1,600 columns, fewer when they are wide. What has none is kept in `_extra`. */
const columnsMax = 200

/**
 * The typed columns of a projection's documents, from the JSON schema of its document. Empty when the schema's library
 * offers no JSON schema, or the documents are not objects: then the whole document is one JSON value.
 */
export function documentColumns(projection: AnyProjectionDef): readonly DocumentColumn[] {
  const taken = new Set<string>()
  return [...(documentProperties(projection) ?? [])]
    .slice(0, columnsMax)
    .map(([property, { optional, nullable, ...value }]) => ({
      property,
      name: columnName(property, taken),
      kind: kindOf(value),
      optional,
      nullable: optional || nullable,
    }))
}

/** The type as CREATE TABLE and casts spell it. Text compares by code point: the same order on every server. */
export function sqlType(kind: ColumnKind): string {
  if (kind === 'double') return 'double precision'
  return kind
}

/** A value of several kinds is JSON. */
function kindOf({ forms }: Pick<ValueForms, 'forms'>): ColumnKind {
  const kinds = new Set(forms.map(kindOfForm))
  return kinds.size === 1 ? [...kinds][0]! : 'json'
}

function kindOfForm({ type, schema, item }: ValueForm): ColumnKind {
  if (type === 'boolean') return 'boolean'
  if (type === 'integer') return 'bigint'
  if (type === 'number') return 'double'
  if (type === 'string') {
    if (schema['format'] === 'uuid') return 'uuid'
    return schema['format'] === 'date-time' ? 'timestamptz' : 'text'
  }
  if (item === undefined) return 'json'
  const kind = kindOf(item)
  return kind === 'json' || kind === 'jsonb' ? 'json' : 'jsonb'
}

/** camelCase → snake_case; names that PostgreSQL would cut, or that are taken, get a number. */
function columnName(property: string, taken: Set<string>): string {
  const snake = property
    .replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replaceAll(/[^a-z0-9_]/g, '_')
  // A leading underscore is ours: `_key`, `_position`, `_extra`.
  const base = (
    /^[a-z]/.test(snake) ? snake : `p${snake.startsWith('_') ? '' : '_'}${snake}`
  ).slice(0, 56)
  let name = base
  for (let i = 2; taken.has(name); i++) name = `${base}_${i}`
  taken.add(name)
  return name
}
