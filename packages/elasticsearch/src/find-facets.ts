import { TailraceError } from 'tailrace/adapter'
import type { Query } from './docs-place.ts'
import { fieldOf, type DocumentField } from './document-fields.ts'
import { pathOf, type FieldMap } from './find-filter.ts'

/** Values of a facet that are counted: the most frequent ones. */
const valuesMax = 1_000
/** Looked at in each shard, so that the counts of several add up. */
const perShard = 5_000

export interface FieldCondition {
  readonly field: string
  readonly query: Query
}

interface Bucket {
  readonly key: string | number
  readonly key_as_string?: string
  readonly doc_count: number
}

/** The fields of facets. Throws `READ_UNSUPPORTED`. */
export function facetFields(fields: FieldMap, facets: readonly string[]): DocumentField[] {
  return facets.map((property) => {
    const field = fieldOf(fields, property)
    if (field.kind !== 'none') return field
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected facets of scalars or lists of scalars, got "${property}"`,
    )
  })
}

/**
 * Counts of values, each without the condition on its own field. The search itself has none of the conditions on fields
 * of facets: they are in `others`, and are applied to the hits afterwards.
 */
export function facetPart(
  facets: readonly DocumentField[],
  others: readonly FieldCondition[],
): Record<string, object> {
  return Object.fromEntries(
    facets.map((field, i) => [
      `facet_${i}`,
      {
        filter: {
          bool: {
            filter: others.filter((one) => one.field !== field.property).map(({ query }) => query),
          },
        },
        aggs: {
          values: { terms: { field: pathOf(field), size: valuesMax, shard_size: perShard } },
        },
      },
    ]),
  )
}

/** The counts of an answer. */
export function facetCounts(
  facets: readonly DocumentField[],
  aggregations: Readonly<
    Record<string, { readonly values: { readonly buckets: readonly Bucket[] } }>
  >,
): Record<string, Record<string, number>> {
  return Object.fromEntries(
    facets.map((field, i) => [
      field.property,
      Object.fromEntries(
        (aggregations[`facet_${i}`]?.values.buckets ?? []).map((bucket) => [
          valueName(field, bucket),
          bucket.doc_count,
        ]),
      ),
    ]),
  )
}

/** A value as the document has it. */
function valueName({ kind }: DocumentField, { key, key_as_string }: Bucket): string {
  if (kind === 'date') return new Date(Number(key)).toISOString()
  return kind === 'boolean' ? (key_as_string ?? String(key === 1)) : String(key)
}
