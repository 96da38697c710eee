import type { EventDef } from 'tailrace'
import type { AnyProjectionDef, RecordedEvent } from 'tailrace/adapter'
import { canonicalText } from '../checker/canonical-text.ts'
import type { KeyState, KeyStates } from '../checker/history.ts'

type FoldHandler = (event: unknown, document: unknown, key: string) => unknown
type RowsHandler = (event: unknown) => readonly unknown[]
type SqlHandler = (event: unknown, tx: unknown) => Promise<void>

const absent: KeyState = { position: 0n, text: null }

/**
 * Every document of a read model in all its states, one event at a time, in order: what the engine is compared with, and
 * shares no code with. What the code is too old to read is left out: it cannot show anything behind that.
 */
export async function cleanStates(
  projection: AnyProjectionDef,
  log: readonly RecordedEvent[],
): Promise<Map<string, KeyStates>> {
  const states = new Map<string, KeyState[]>()
  const documents = new Map<string, unknown>()
  const put = (key: string, position: bigint, document: unknown): void => {
    const text = document === null || document === undefined ? null : canonicalText(document)
    let list = states.get(key)
    if (list === undefined) states.set(key, (list = [absent]))
    list.push({ position, text })
    if (text === null) documents.delete(key)
    else documents.set(key, document)
  }
  for (const event of log) {
    if (!(event.type in projection.on)) continue
    const envelope = envelopeOf(projection, event)
    if (envelope === undefined) continue
    const handler = (projection.on as Record<string, unknown>)[event.type]
    if (projection.shape === 'rows') {
      const rows = (handler as RowsHandler)(envelope)
      rows.forEach((row, ordinal) => put(`${event.position}/${ordinal}`, event.position, row))
    } else if (projection.shape === 'sql') {
      const tx = {
        query: async (sql: string, [key, document]: readonly [string, unknown]) => {
          if (sql === 'put') put(key, event.position, document)
          const found = documents.get(key)
          return { rows: found === undefined ? [] : [found], rowCount: 1 }
        },
      }
      await (handler as SqlHandler)(envelope, tx)
    } else {
      for (const key of new Set(projection.keysOf(envelope as never))) {
        const next = (handler as FoldHandler)(envelope, documents.get(key), key)
        if (next !== undefined) put(key, event.position, next)
      }
    }
  }
  return states
}

/** Undefined when the event is of newer code than this. */
function envelopeOf(projection: AnyProjectionDef, event: RecordedEvent): object | undefined {
  const defs = projection.from as readonly EventDef[]
  const { schemaVersion, upcasters } = defs.find(({ type }) => type === event.type)!
  if (event.schemaVersion > schemaVersion) return undefined
  let { data } = event
  for (let from = event.schemaVersion; from < schemaVersion; from++)
    data = upcasters[`from${from}`]!(data)
  return { ...event, data }
}

/** What is there in the end. */
export function lastDocuments(states: ReadonlyMap<string, KeyStates>): Map<string, string> {
  const last = new Map<string, string>()
  for (const [key, list] of states) {
    const { text } = list.at(-1)!
    if (text !== null) last.set(key, text)
  }
  return last
}
