import type { AnyProjectionDef, ProjectionStore, SqlReader } from 'tailrace/adapter'
import { canonical } from './clean-fold.ts'

/** Everything a projection version holds, as comparable texts by a name for each document or row. */
export async function readBack(
  projection: AnyProjectionDef,
  store: ProjectionStore,
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  if (projection.shape !== 'sql') {
    for await (const page of store.dump())
      for (const { key, document } of page) found.set(key, canonical(document))
  } else {
    const reader = store.reader() as unknown as SqlReader
    for (const name of Object.keys(projection.tables)) {
      const rows = (await reader.query(`select * from $${name}`)).map(canonical).toSorted()
      // Equal rows may repeat in a table without a key.
      rows.forEach((row, i) => found.set(`${name} ${row} ${i}`, row))
    }
  }
  for (const { key, failure } of await store.parked()) {
    const positions = await store.parkedPositions(key)
    found.set(`parked ${key}`, `${positions.join()} ${failure.eventId}`)
  }
  return found
}
