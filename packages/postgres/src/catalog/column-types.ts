import type { PhysicalColumn } from './physical-tables.ts'
import type { JsonType, PropertyShape } from './row-shape.ts'

const integers = new Set(['int2', 'int4', 'int8', 'oid'])
const floats = new Set(['float4', 'float8'])
const anything = new Set(['json', 'jsonb'])

/** Whether every value that a property may have is one that its column holds and gives back as that type. */
export function acceptsTypes(column: PhysicalColumn, { types, items }: PropertyShape): boolean {
  if (types === undefined || (anything.has(column.base) && !column.isArray)) return true
  if (!column.isArray) return all(types, jsonTypesOf(column.base))
  return (
    all(types, ['array']) &&
    (items === undefined || anything.has(column.base) || all(items, jsonTypesOf(column.base)))
  )
}

function all(types: ReadonlySet<JsonType>, allowed: readonly JsonType[]): boolean {
  return [...types].every((type) => allowed.includes(type))
}

/** Types of JSON that a base type is read as. Everything that is not listed is read as its text. */
function jsonTypesOf(base: string): readonly JsonType[] {
  if (integers.has(base)) return ['integer', 'number']
  if (floats.has(base)) return ['integer', 'number']
  if (base === 'bool') return ['boolean']
  return ['string']
}

export function describeTypes({ types, items }: PropertyShape): string {
  const names = [...(types ?? [])].join(' or ')
  return items === undefined ? names : `${names} of ${[...items].join(' or ')}`
}

export function describeColumn(column: PhysicalColumn): string {
  return `${column.typeText}${column.notNull ? ' not null' : ''}`
}

/** Whether numbers read from the column may be beyond what a JavaScript number holds. */
export function mayBeTooLarge(column: PhysicalColumn): boolean {
  return column.base === 'int8'
}

/** SQL that reads a column as the engine's rows have it, whatever the settings of the connection. */
export function readExpression(column: PhysicalColumn, sql: string): string {
  const element = elementExpression(column.base, column.isArray ? 'e.v' : sql)
  if (!column.isArray) return element
  if (element === 'e.v') return sql
  // A list that is null stays null; an empty one stays empty.
  return `case when ${sql} is not null then array(select ${element} from unnest(${sql}) with ordinality as e(v, n) order by e.n) end`
}

function elementExpression(base: string, sql: string): string {
  if (base === 'timestamptz')
    return `to_char(${sql} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
  if (base === 'numeric') return `${sql}::text`
  return sql
}
