import { documentProperties, type DocumentProperty } from './document-properties.ts'
import type { AnyProjectionDef } from './projection.ts'

/**
 * The top-level properties of a projection's documents and their JSON types, as text: for stores without columns, which
 * tell by it whether a version was made for documents of another shape. What else the schema says leaves it as it is.
 * Empty when the schema's library offers no JSON schema, or the documents are no objects: then nothing is known.
 */
export function documentOutline(projection: AnyProjectionDef): string {
  return [...(documentProperties(projection) ?? [])]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, property]) =>
        `${JSON.stringify(name)}${property.optional ? '?' : ''}:${typesOf(property).join('|')}`,
    )
    .join(',')
}

function typesOf({ forms, nullable }: DocumentProperty): string[] {
  const types = new Set(forms.flatMap(({ type }) => type ?? []))
  if (nullable) types.add('null')
  return [...types].toSorted()
}
