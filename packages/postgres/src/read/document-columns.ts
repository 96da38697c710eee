import {
  jsonSchemaOf,
  type AnyProjectionDef,
  resolveSchema,
  schemaTypes,
  type JsonSchema,
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

interface PropertyShape {
  readonly kind: ColumnKind
  readonly optional: boolean
  readonly nullable: boolean
}

/** PostgreSQL allows 1,600 columns, fewer when they are wide. What has none is kept in `_extra`. */
const columnsMax = 200

/**
 * The typed columns of a projection's documents, from the JSON schema of its document. Empty when the schema's library
 * offers no JSON schema, or the documents are not objects: then the whole document is one JSON value.
 */
export function documentColumns(projection: AnyProjectionDef): readonly DocumentColumn[] {
  const root =
    projection.schema === undefined ? undefined : jsonSchemaOf(projection.schema, 'output')
  if (root === undefined) return []
  const shapes = propertyShapes(root, root)
  const taken = new Set<string>()
  return [...shapes]
    .slice(0, columnsMax)
    .map(([property, shape]) => ({ property, name: columnName(property, taken), ...shape }))
}

/** The type as CREATE TABLE and casts spell it. Text compares by code point: the same order on every server. */
export function sqlType(kind: ColumnKind): string {
  if (kind === 'double') return 'double precision'
  return kind
}

function propertyShapes(schema: JsonSchema, root: JsonSchema): Map<string, PropertyShape> {
  const resolved = resolveSchema(schema, root)
  const variants = (resolved['oneOf'] ?? resolved['anyOf']) as readonly JsonSchema[] | undefined
  if (variants !== undefined)
    return unionShapes(variants.map((variant) => propertyShapes(variant, root)))
  const shapes = new Map<string, PropertyShape>()
  for (const part of (resolved['allOf'] ?? []) as readonly JsonSchema[]) {
    for (const [property, shape] of propertyShapes(part, root)) shapes.set(property, shape)
  }
  const required = new Set((resolved['required'] ?? []) as readonly string[])
  for (const [property, own] of Object.entries(
    (resolved['properties'] ?? {}) as Record<string, JsonSchema>,
  )) {
    if (property === '__proto__') continue
    const optional = !required.has(property)
    const { kind, nullable } = valueShape(own, root)
    shapes.set(property, { kind, optional, nullable: optional || nullable })
  }
  return shapes
}

/** A property that only some variants have is optional; one of several types is JSON. */
function unionShapes(variants: readonly Map<string, PropertyShape>[]): Map<string, PropertyShape> {
  const shapes = new Map<string, PropertyShape>()
  for (const property of new Set(variants.flatMap((variant) => [...variant.keys()]))) {
    const found = variants.flatMap((variant) => variant.get(property) ?? [])
    const kinds = new Set(found.map((shape) => shape.kind))
    const optional = found.length < variants.length || found.some((shape) => shape.optional)
    shapes.set(property, {
      kind: kinds.size === 1 ? found[0]!.kind : 'json',
      optional,
      nullable: optional || found.some((shape) => shape.nullable),
    })
  }
  return shapes
}

function valueShape(schema: JsonSchema, root: JsonSchema): { kind: ColumnKind; nullable: boolean } {
  const resolved = resolveSchema(schema, root)
  const variants = (resolved['anyOf'] ?? resolved['oneOf']) as readonly JsonSchema[] | undefined
  if (variants !== undefined) {
    const shapes = variants
      .filter((variant) => variant['type'] !== 'null')
      .map((variant) => valueShape(variant, root))
    const kinds = new Set(shapes.map((shape) => shape.kind))
    const nullable = shapes.length < variants.length || shapes.some((shape) => shape.nullable)
    return { kind: kinds.size === 1 ? shapes[0]!.kind : 'json', nullable }
  }
  const types = schemaTypes(resolved)
  const nullable = types.includes('null')
  const others = types.filter((type) => type !== 'null')
  return { kind: others.length === 1 ? kindOf(others[0]!, resolved, root) : 'json', nullable }
}

function kindOf(type: string, schema: JsonSchema, root: JsonSchema): ColumnKind {
  if (type === 'boolean') return 'boolean'
  if (type === 'integer') return 'bigint'
  if (type === 'number') return 'double'
  if (type === 'string') {
    if (schema['format'] === 'uuid') return 'uuid'
    return schema['format'] === 'date-time' ? 'timestamptz' : 'text'
  }
  if (type === 'array' && typeof schema['items'] === 'object' && schema['items'] !== null) {
    const item = valueShape(schema['items'] as JsonSchema, root)
    return item.kind === 'json' || item.kind === 'jsonb' ? 'json' : 'jsonb'
  }
  return 'json'
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
