import { TailraceError, nearest, type AnyProjectionDef } from 'tailrace/adapter'
import { documentCodec, type DocumentCodec } from './document-codec.ts'
import { documentColumns, sqlType, type DocumentColumn } from './document-columns.ts'
import { textIndex, textTable, type TextTable } from './text-table.ts'

/** The table of one version of a fold or rows projection: a document or row per `_key`. */
export interface DocumentTable {
  /** Quoted, with its schema. */
  readonly name: string
  readonly columns: readonly DocumentColumn[]
  readonly codec: DocumentCodec
  /** Where their words are, when they have a text lookup. */
  readonly text: TextTable | undefined
  readonly create: string
  /** CREATE INDEX statements, by unquoted index name. */
  readonly indexes: ReadonlyMap<string, string>
  /** What other code must agree with to use this table. */
  readonly shape: Readonly<Record<string, unknown>>
  column(property: string): DocumentColumn
}

/** Quoted, with their schema: the documents' table, and that of their words where there is one. */
export function tableNames({ name, text }: DocumentTable): readonly string[] {
  return text === undefined ? [name] : [name, text.name]
}

/** The unquoted physical name: the projection's and its version's. */
export function physicalName(projection: string, version: number): string {
  return `${projection.replaceAll('-', '_')}_v${version}`
}

/** Describes the table of a projection version. Throws `CONFIG` for a lookup that the store cannot serve. */
export function documentTable(projection: AnyProjectionDef, schema: string): DocumentTable {
  const columns = documentColumns(projection)
  const base = physicalName(projection.name, projection.version)
  const name = `${schema}."${base}"`
  const byProperty = new Map(columns.map((column) => [column.property, column]))
  const lookupColumn = (property: string): DocumentColumn => {
    const column = byProperty.get(property)
    if (column !== undefined && column.kind !== 'json') return column
    const got =
      column === undefined
        ? `"${property}"${nearest(property, [...byProperty.keys()])}`
        : `"${property}", which is an object, or of several types, or of none that the schema names; look up by a property that is one`
    throw new TailraceError(
      'CONFIG',
      `expected the lookup of projection "${projection.name}" to name scalars or lists of scalars of its document schema, got ${got}`,
    )
  }
  const searched = ((projection.lookup.text ?? []) as readonly string[]).map((property) => {
    const column = lookupColumn(property)
    if (['text', 'uuid', 'bigint', 'jsonb'].includes(column.kind)) return column
    throw new TailraceError(
      'CONFIG',
      `expected the text lookup of projection "${projection.name}" to name strings or lists of strings, got "${property}"`,
    )
  })
  const text = textTable(base, schema, searched)
  return {
    name,
    columns,
    text,
    codec: documentCodec(columns),
    create: createTable(name, columns),
    indexes: new Map(indexes(projection, base, name, lookupColumn, text)),
    shape: {
      tables: text === undefined ? [base] : [base, text.base],
      columns: columns.map(({ property, name: column, kind, optional }) => [
        property,
        column,
        kind,
        optional,
      ]),
      text: searched.map((column) => column.name),
    },
    column(property) {
      const column = byProperty.get(property)
      if (column !== undefined) return column
      throw new TailraceError(
        'READ_UNSUPPORTED',
        `expected a property of the documents of projection "${projection.name}", got "${property}"${nearest(property, [...byProperty.keys()])}`,
      )
    },
  }
}

function createTable(name: string, columns: readonly DocumentColumn[]): string {
  const lines = [
    '_key text collate "C" primary key',
    '_position bigint not null',
    ...columns.map(
      (column) =>
        `"${column.name}" ${sqlType(column.kind)}${column.kind === 'text' ? ' collate "C"' : ''}`,
    ),
    '_extra json',
  ]
  return `create table if not exists ${name} (\n  ${lines.join(',\n  ')}\n) with (fillfactor = 85)`
}

/**
 * The key ends every index, so that a page boundary is found in it. GIN without a pending list, as in `textIndex`.
 */
function* indexes(
  projection: AnyProjectionDef,
  base: string,
  table: string,
  column: (property: string) => DocumentColumn,
  text: TextTable | undefined,
): Generator<[string, string]> {
  for (const fields of (projection.lookup.by ?? []) as readonly (readonly string[])[]) {
    const list = fields.map(column)
    const name = indexName(base, list.map((one) => one.name).join('_'))
    if (list.length === 1 && list[0]!.kind === 'jsonb') {
      yield [
        name,
        `create index if not exists "${name}" on ${table} using gin ("${list[0]!.name}" jsonb_path_ops) with (fastupdate = off)`,
      ]
      continue
    }
    if (list.some((one) => one.kind === 'jsonb')) {
      throw new TailraceError(
        'CONFIG',
        `expected a list to stand alone in the lookup of projection "${projection.name}", got [${fields.join(', ')}]; give it an entry of its own`,
      )
    }
    yield [
      name,
      `create index if not exists "${name}" on ${table} (${list.map((one) => `"${one.name}"`).join(', ')}, _key)`,
    ]
  }
  if (text !== undefined) {
    const name = indexName(base, 'text')
    yield [name, textIndex(text, name)]
  }
}

/** Unique also after PostgreSQL's limit of 63 bytes. */
function indexName(base: string, what: string): string {
  const name = `${base}_by_${what}`
  if (name.length <= 63) return name
  let hash = 5381
  for (const letter of name) hash = (hash * 33 + letter.codePointAt(0)!) % 4_294_967_291
  return `${name.slice(0, 54)}_${hash.toString(36)}`
}

/** `_key, _position`, then what the codec decodes. */
export function selectList(table: DocumentTable): string {
  return ['_key', '_position', ...table.columns.map((column) => `"${column.name}"`), '_extra'].join(
    ', ',
  )
}
