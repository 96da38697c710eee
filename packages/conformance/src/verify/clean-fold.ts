import { compileProjection, type AnyProjectionDef, type RecordedEvent } from 'tailrace/adapter'

type Handler = (event: unknown, document: unknown, key: string) => unknown

/** What the events come to when each is handled once, in order, one at a time: the read model that every run must reach. */
export function cleanFold(
  projection: AnyProjectionDef,
  events: readonly RecordedEvent[],
): Map<string, unknown> {
  const compiled = compileProjection(projection)
  const handlers = projection.on as Readonly<Record<string, Handler>>
  const documents = new Map<string, unknown>()
  const parked = new Set<string>()
  for (const event of events) {
    const handler = handlers[event.type]
    if (handler === undefined) continue
    const envelope = compiled.envelope(event)
    for (const key of new Set(compiled.keysOf(envelope))) {
      if (parked.has(key)) continue
      try {
        const next = handler(envelope, documents.get(key), key)
        if (next === null) documents.delete(key)
        else if (next !== undefined) documents.set(key, next)
      } catch {
        parked.add(key)
      }
    }
  }
  return documents
}

/** A value as text that is equal exactly when the values are. Properties that are undefined count as absent. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) => {
      if (typeof inner === 'bigint') return `${inner}n`
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
      return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    }) ?? 'undefined'
  )
}
