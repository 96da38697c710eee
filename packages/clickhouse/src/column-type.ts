import { TailraceError, type AnyProjectionDef } from 'tailrace/adapter'

/**
 * What a column holds. `enum`: text of few values. `list`: scalars, which `has` finds. `json`: everything else, kept as
 * text and not searched.
 */
export type ColumnType =
  | { readonly kind: 'text' | 'enum' | 'uuid' | 'instant' | 'date' }
  | { readonly kind: 'integer' | 'double' | 'boolean' | 'json' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly item: ItemKind }

export type ItemKind = 'text' | 'enum' | 'integer' | 'double' | 'boolean'

const names = {
  text: 'String',
  enum: 'LowCardinality(String)',
  uuid: 'UUID',
  instant: "DateTime64(3, 'UTC')",
  date: 'Date32',
  integer: 'Int64',
  double: 'Float64',
  boolean: 'Bool',
  json: 'String',
} as const

/** The type as CREATE TABLE spells it. */
export function sqlType(type: ColumnType, nullable: boolean): string {
  if (type.kind === 'list') return `Array(${names[type.item]})`
  if (type.kind === 'enum') return nullable ? 'LowCardinality(Nullable(String))' : names.enum
  const name =
    type.kind === 'decimal' ? `Decimal(${type.precision}, ${type.scale})` : names[type.kind]
  return nullable ? `Nullable(${name})` : name
}

/** The type of a value to compare a column with, for a bound parameter. */
export function valueType(type: ColumnType): string {
  if (type.kind === 'enum') return 'String'
  if (type.kind === 'list') return type.item === 'enum' ? 'String' : names[type.item]
  return sqlType(type, false)
}

/** The type of a JSON schema that says `type`. `item`: of a list's elements. */
export function inferredType(
  type: string,
  schema: Readonly<Record<string, unknown>>,
  item: { readonly type: ColumnType; readonly nullable: boolean } | undefined,
): ColumnType {
  switch (type) {
    case 'boolean':
      return { kind: 'boolean' }
    case 'integer':
      return { kind: 'integer' }
    case 'number':
      return { kind: 'double' }
    case 'string':
      return { kind: textKind(schema) }
    case 'array':
      return listType(item)
    default:
      return { kind: 'json' }
  }
}

function textKind(
  schema: Readonly<Record<string, unknown>>,
): 'text' | 'enum' | 'uuid' | 'instant' | 'date' {
  if ('enum' in schema || 'const' in schema) return 'enum'
  if (schema['format'] === 'uuid') return 'uuid'
  if (schema['format'] === 'date-time') return 'instant'
  return schema['format'] === 'date' ? 'date' : 'text'
}

function listType(
  item: { readonly type: ColumnType; readonly nullable: boolean } | undefined,
): ColumnType {
  if (item === undefined || item.nullable) return { kind: 'json' }
  switch (item.type.kind) {
    case 'uuid':
    case 'instant':
    case 'date':
      return { kind: 'list', item: 'text' }
    case 'text':
    case 'enum':
    case 'integer':
    case 'double':
    case 'boolean':
      return { kind: 'list', item: item.type.kind }
    default:
      return { kind: 'json' }
  }
}

const scalarNames: ReadonlyMap<string, ColumnType['kind']> = new Map(
  (['text', 'enum', 'uuid', 'instant', 'date', 'integer', 'double', 'boolean'] as const).map(
    (kind) => [names[kind].replaceAll(' ', ''), kind],
  ),
)

/** The column type that an option names. Throws `CONFIG`. */
export function declaredType(
  name: string,
  property: string,
  projection: AnyProjectionDef,
): ColumnType {
  const kind = scalarNames.get(name.replaceAll(' ', ''))
  if (kind !== undefined) return { kind } as ColumnType
  const decimal = /^Decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$/.exec(name)
  const [precision, scale] = [Number(decimal?.[1]), Number(decimal?.[2])]
  if (precision >= 1 && precision <= 76 && scale <= precision)
    return { kind: 'decimal', precision, scale }
  throw new TailraceError(
    'CONFIG',
    `expected the column type of "${property}" of projection "${projection.name}" to be Decimal(P, S) or one of ${[...scalarNames.keys()].join(', ')}, got "${name}"`,
  )
}
