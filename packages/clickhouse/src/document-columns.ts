import {
  jsonSchemaOf,
  TailraceError,
  type AnyProjectionDef,
  resolveSchema,
  schemaTypes,
  type JsonSchema,
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

interface PropertyShape {
  readonly type: ColumnType
  readonly optional: boolean
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
  const root =
    projection.schema === undefined ? undefined : jsonSchemaOf(projection.schema, 'output')
  const shapes = root === undefined ? new Map<string, PropertyShape>() : propertyShapes(root, root)
  for (const property of Object.keys(declared)) {
    if (!shapes.has(property))
      throw config(
        projection,
        `columns to name properties of its ${projection.shape === 'rows' ? 'row' : 'document'} schema, got "${property}"`,
      )
  }
  const taken = new Set<string>()
  return [...shapes].slice(0, columnsMax).map(([property, shape]) => {
    const own = declared[property]
    const type = own === undefined ? shape.type : declaredType(own, property, projection)
    if (own === undefined) checkMoney(projection, property, type)
    const holdsNull = type.kind !== 'list' && type.kind !== 'json'
    // A row is dense and sorted; a document may have been written by older code that knew less.
    const nullable = holdsNull && (shape.nullable || projection.shape === 'fold')
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
  const properties = (resolved['properties'] ?? {}) as Record<string, JsonSchema>
  for (const [property, own] of Object.entries(properties)) {
    if (property === '__proto__') continue
    const optional = !required.has(property)
    const { type, nullable } = valueShape(own, root)
    shapes.set(property, { type, optional, nullable: optional || nullable })
  }
  return shapes
}

const json: ColumnType = { kind: 'json' }

function unionShapes(variants: readonly Map<string, PropertyShape>[]): Map<string, PropertyShape> {
  const shapes = new Map<string, PropertyShape>()
  for (const property of new Set(variants.flatMap((variant) => [...variant.keys()]))) {
    const found = variants.flatMap((variant) => variant.get(property) ?? [])
    // A property that only some variants have is optional; one of several types is JSON.
    const optional = found.length < variants.length || found.some((shape) => shape.optional)
    shapes.set(property, {
      type: common(found.map((shape) => shape.type)),
      optional,
      nullable: optional || found.some((shape) => shape.nullable),
    })
  }
  return shapes
}

function common(types: readonly ColumnType[]): ColumnType {
  const texts = new Set(types.map((type) => JSON.stringify(type)))
  return texts.size === 1 ? types[0]! : json
}

function valueShape(schema: JsonSchema, root: JsonSchema): { type: ColumnType; nullable: boolean } {
  const resolved = resolveSchema(schema, root)
  const variants = (resolved['anyOf'] ?? resolved['oneOf']) as readonly JsonSchema[] | undefined
  if (variants !== undefined) {
    const shapes = variants
      .filter((variant) => variant['type'] !== 'null')
      .map((variant) => valueShape(variant, root))
    const nullable = shapes.length < variants.length || shapes.some((shape) => shape.nullable)
    return { type: common(shapes.map((shape) => shape.type)), nullable }
  }
  const types = schemaTypes(resolved)
  const others = types.filter((type) => type !== 'null')
  const items = resolved['items']
  const item =
    typeof items === 'object' && items !== null ? valueShape(items as JsonSchema, root) : undefined
  return {
    type: others.length === 1 ? inferredType(others[0]!, resolved, item) : json,
    nullable: types.includes('null'),
  }
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
