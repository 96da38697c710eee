import type { AnyAggregate } from '../declare/aggregate.ts'
import { jsonSchemaOf, type AnySchema } from '../declare/standard-schema.ts'

const byUuid = new WeakMap<AnyAggregate, boolean>()

/** The one spelling of an aggregate's id: databases take a uuid in any case for the same, the log must too. */
export function canonicalId(aggregate: AnyAggregate, id: string): string {
  let isUuid = byUuid.get(aggregate)
  if (isUuid === undefined) {
    isUuid = jsonSchemaOf(aggregate.id as AnySchema, 'input')?.['format'] === 'uuid'
    byUuid.set(aggregate, isUuid)
  }
  return isUuid ? id.toLowerCase() : id
}
