import { TailraceError, nearest, type AnyProjectionDef } from 'tailrace/adapter'
import { documentCodec, type DocumentCodec } from './document-codec.ts'
import { documentColumns, sqlType, type DocumentColumn } from './document-columns.ts'
import { vectorOf } from './text-search.ts'

/** The table of one version of a fold or rows projection: a document or row per `_key`. */
export interface DocumentTable {
  /** Quoted, with its schema. */
  readonly name: string
  readonly columns: readonly DocumentColumn[]
  readonly codec: DocumentCodec
  /** Property names searched by text. */
  readonly text: readonly DocumentColumn[]
  readonly create: string
  /** CREATE INDEX statements, by unquoted index name. */
  readonly indexes: ReadonlyMap<string, string>
  /** What other code must agree with to use this table. */
  readonly shape: Readonly<Record<string, unknown>>
  column(property: string): DocumentColumn
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
  const text = ((projection.lookup.text ?? []) as readonly string[]).map((property) => {
    const column = lookupColumn(property)
    if (['text', 'uuid', 'bigint', 'jsonb'].includes(column.kind)) return column
    throw new TailraceError(
      'CONFIG',
      `expected the text lookup of projection "${projection.name}" to name strings or lists of strings, got "${property}"`,
    )
  })
  return {
    name,
    columns,
    text,
    codec: documentCodec(columns),
    create: createTable(name, columns, text),
    indexes: new Map(indexes(projection, base, name, lookupColumn, text)),
    shape: {
      tables: [base],
      columns: columns.map(({ property, name: column, kind, optional }) => [
        property,
        column,
        kind,
        optional,
      ]),
      text: text.map((column) => column.name),
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

function createTable(
  name: string,
  columns: readonly DocumentColumn[],
  text: readonly DocumentColumn[],
): string {
  const lines = [
    '_key text collate "C" primary key',
    '_position bigint not null',
    ...columns.map(
      (column) =>
        `"${column.name}" ${sqlType(column.kind)}${column.kind === 'text' ? ' collate "C"' : ''}`,
    ),
    '_extra json',
  ]
  if (text.length > 0)
    lines.push(`_text tsvector generated always as (${text.map(vectorOf).join(' || ')}) stored`)
  return `create table if not exists ${name} (\n  ${lines.join(',\n  ')}\n) with (fillfactor = 85)`
}

/**
 * An update that changes an indexed column writes anew into every index of its table, and into a GIN index once per word
 * or item. Its pending list gathers that, and writes what many documents share once: half of the time, and a seventh of the
 * write-ahead log (docs/decisions/short-pending-lists.md). A short list, because a search reads all of it, and because with some 440 pages in it the planner
 * leaves the index and reads the table: these are 16.
 */
const gathered = 'with (fastupdate = on, gin_pending_list_limit = 128)'

/** The key ends every other index, so that a page boundary is found in it. */
function* indexes(
  projection: AnyProjectionDef,
  base: string,
  table: string,
  column: (property: string) => DocumentColumn,
  text: readonly DocumentColumn[],
): Generator<[string, string]> {
  for (const fields of (projection.lookup.by ?? []) as readonly (readonly string[])[]) {
    const list = fields.map(column)
    const name = indexName(base, list.map((one) => one.name).join('_'))
    if (list.length === 1 && list[0]!.kind === 'jsonb') {
      yield [
        name,
        `create index if not exists "${name}" on ${table} using gin ("${list[0]!.name}" jsonb_path_ops) ${gathered}`,
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
  if (text.length > 0) {
    const name = indexName(base, 'text')
    yield [name, `create index if not exists "${name}" on ${table} using gin (_text) ${gathered}`]
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
