import type { AnyEventDef, NewEvent } from '../declare/event.ts'
import type { AnyProjectionDef, ProjectionDef } from '../declare/projection.ts'
import { shownValue } from '../declare/shown-value.ts'
import { isStrayPromise } from '../declare/stray-promise.ts'
import { deepFreeze } from '../write/freeze.ts'
import { expectEqual, expectFits, fail } from './expectations.ts'
import { recorder, type RecordedGiven } from './recorded-event.ts'

export interface ProjectionTest<Doc> {
  /** Events in log order: new events, which count up in one stream, or events placed with `recorded`. */
  given(...events: readonly (NewEvent | RecordedGiven)[]): ProjectionTest<Doc>
  /** The projection makes exactly one document, this one; of a rows projection: exactly these rows. */
  gives(document: Doc | readonly Doc[]): void
  /** The projection makes exactly these documents, by key. */
  givesDocuments(documents: Readonly<Record<string, Doc>>): void
  givesNothing(): void
}

/** Tests a projection, without a store: `given(events).gives(document)`. Runs twice: a fold that is not pure fails. */
export function testProjection<Doc>(
  projection: ProjectionDef<string, 'fold' | 'rows', Doc>,
  history: readonly (NewEvent | RecordedGiven)[] = [],
): ProjectionTest<Doc> {
  const outcome = (): { readonly documents: Map<string, unknown>; readonly rows: unknown[] } => {
    const first = runProjection(projection, history)
    expectEqual(
      runProjection(projection, history),
      first,
      `expected projection "${projection.name}" to give the same twice; a fold may not read clocks or randomness`,
    )
    return first
  }
  return {
    given: (...events) => testProjection(projection, [...history, ...events]),
    gives(wanted) {
      const { documents, rows } = outcome()
      if (projection.shape === 'rows')
        return expectEqual(rows, wanted, `expected "${projection.name}" to give other rows`)
      if (documents.size !== 1)
        fail(
          `expected "${projection.name}" to give one document, got ${documents.size === 0 ? 'none' : `${documents.size}: ${[...documents.keys()].join(', ')}`}`,
        )
      expectEqual(
        [...documents.values()][0],
        wanted,
        `expected "${projection.name}" to give another document`,
      )
    },
    givesDocuments: (wanted) =>
      expectEqual(
        Object.fromEntries(outcome().documents),
        { ...wanted },
        `expected "${projection.name}" to give other documents`,
      ),
    givesNothing: () =>
      expectEqual(
        { ...outcome() },
        { documents: new Map(), rows: [] },
        `expected "${projection.name}" to give nothing`,
      ),
  }
}

function runProjection(
  projection: AnyProjectionDef,
  history: readonly (NewEvent | RecordedGiven)[],
): { documents: Map<string, unknown>; rows: unknown[] } {
  if (projection.shape === 'sql')
    fail(`expected a fold or rows projection, got "${projection.name}": sql runs on its store only`)
  const documents = new Map<string, unknown>()
  const rows: unknown[] = []
  const record = recorder()
  for (const given of history) {
    expectKnown(projection, given)
    const envelope = deepFreeze(record(given))
    const handler = projection.on[envelope.type]
    if (handler === undefined) continue
    if (projection.shape === 'rows') {
      const made = handler(envelope as never)
      if (!Array.isArray(made))
        fail(
          `expected "${projection.name}" to give a list of rows for ${envelope.type} at once, got ${shownValue(made)}`,
        )
      for (const row of made as readonly unknown[]) {
        expectFits(projection.schema!, row, `a row of "${projection.name}"`)
        rows.push(row)
      }
      continue
    }
    for (const key of projection.keysOf(envelope as never)) {
      const document = (handler as (...args: unknown[]) => unknown)(
        envelope,
        documents.get(key),
        key,
      )
      if (isStrayPromise(document))
        fail(
          `expected "${projection.name}" to give a document for ${envelope.type} at once, got a promise; folds are synchronous`,
        )
      if (document === null) documents.delete(key)
      else if (document !== undefined) {
        expectFits(
          projection.schema!,
          document,
          `document "${key}" of "${projection.name}" after ${envelope.type}`,
        )
        documents.set(key, deepFreeze(document))
      }
    }
  }
  return { documents, rows }
}

function expectKnown(projection: AnyProjectionDef, given: NewEvent): void {
  const def = (projection.from as readonly AnyEventDef[]).find((one) => one.type === given.type)
  if (def === undefined)
    fail(`expected events that projection "${projection.name}" reads from, got "${given.type}"`)
  expectFits(def.schema, given.data, `the data of ${given.type}`)
}
