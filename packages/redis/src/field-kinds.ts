import {
  documentProperties,
  type AnyProjectionDef,
  type ValueForm,
  type ValueForms,
} from 'tailrace/adapter'
import type { FieldKind } from './ordered-value.ts'

/** What a property of a document is to a lookup; `object`: nothing that can be looked up. */
export interface FieldShape {
  readonly kind: FieldKind | 'object'
  /** A list of such values. */
  readonly list: boolean
}

const object: FieldShape = { kind: 'object', list: false }

/** The properties of a projection's documents by the JSON schema of its document; undefined when there is none. */
export function fieldShapes(
  projection: AnyProjectionDef,
): ReadonlyMap<string, FieldShape> | undefined {
  const properties = [...(documentProperties(projection) ?? [])]
  if (properties.length === 0) return undefined
  return new Map(properties.map(([name, property]) => [name, shapeOf(property)]))
}

/** Two variants of one property: a value of several kinds is compared by what it is. */
function same(a: FieldShape, b: FieldShape): FieldShape {
  if (a.kind === b.kind && a.list === b.list) return a
  return a.list || b.list || a.kind === 'object' || b.kind === 'object'
    ? object
    : { kind: 'any', list: false }
}

function shapeOf({ forms }: ValueForms): FieldShape {
  return forms.map(shapeOfForm).reduce(same)
}

function shapeOfForm({ type, schema, item }: ValueForm): FieldShape {
  if (type === 'boolean') return { kind: 'boolean', list: false }
  if (type === 'integer' || type === 'number') return { kind: 'number', list: false }
  if (type === 'string') {
    const kinds: Readonly<Record<string, FieldKind>> = { uuid: 'uuid', 'date-time': 'time' }
    return { kind: kinds[String(schema['format'])] ?? 'text', list: false }
  }
  if (item === undefined) return object
  const { kind, list } = shapeOf(item)
  return list || kind === 'object' ? object : { kind, list: true }
}
