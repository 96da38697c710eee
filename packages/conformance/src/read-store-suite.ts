import type { ReadStore } from 'tailrace/adapter'
import { appendRequirements, rowsFirstRequirements } from './read-store/append.ts'
import { bulkTakeoverRequirements } from './read-store/bulk-takeovers.ts'
import { checkpointRequirements } from './read-store/checkpoints.ts'
import { documentRequirements } from './read-store/documents.ts'
import { declaredFindRequirements } from './read-store/declared-finding.ts'
import { findRequirements, rowsRequirements } from './read-store/finding.ts'
import { parkingRequirements } from './read-store/parking.ts'
import { searchRequirements } from './read-store/searching.ts'
import { sqlRequirements } from './read-store/sql.ts'
import { versionRequirements } from './read-store/versions.ts'
import { versionedRequirements } from './read-store/versioned.ts'
import { register, type Requirement, type TestFunction } from './suite.ts'

export interface ReadStoreSuiteOptions {
  /** The test function of your runner. */
  readonly test: TestFunction
  /** Makes an empty store that no other test uses; the suite closes it. */
  readonly create: () => Promise<ReadStore>
  /**
   * Opens another store on the same data, as another process would; closed by the suite. Default: the store itself, beside
   * which nothing is tested.
   */
  readonly twin?: (store: ReadStore) => Promise<ReadStore>
  /** Which store this is, for the names of the tests. Default: `read store`. */
  readonly name?: string
}

/** What a read store must do, as tests. What it claims neither by its capabilities nor by its guarantee is not asked of it. */
export function readStoreSuite(options: ReadStoreSuiteOptions): void {
  const name = options.name ?? 'read store'
  const always = [
    ...checkpointRequirements,
    ...documentRequirements,
    ...bulkTakeoverRequirements,
    ...parkingRequirements,
    ...versionRequirements,
  ]
  const claimed: readonly Requirement<ReadStore>[] = [
    ...findRequirements.map((one) => ifClaimed('find', one)),
    ...searchRequirements.map((one) => when(one, ({ capabilities }) => capabilities.text)),
    ...declaredFindRequirements.map((one) => when(one, ({ capabilities }) => !!capabilities.find)),
    ...versionedRequirements.map((one) =>
      when(one, ({ guarantee }) => guarantee !== 'transactional'),
    ),
    ...appendRequirements(options.twin ?? (async (store) => store)).map((one) =>
      when(one, ({ capabilities }) => capabilities.rows),
    ),
    ...rowsFirstRequirements.map((one) =>
      when(
        one,
        ({ guarantee, capabilities }) => guarantee !== 'transactional' && capabilities.rows,
      ),
    ),
    ...rowsRequirements.map((one) => ifClaimed('rows', one)),
    ...sqlRequirements.map((one) => ifClaimed('sql', one)),
  ]
  const requirements = [...always, ...claimed].map((one) => ({
    ...one,
    name: `${name}: ${one.name}`,
  }))
  register(options.test, requirements, async () => {
    const store = await options.create()
    return { subject: store, close: () => store.close() }
  })
}

function ifClaimed(
  capability: 'find' | 'rows' | 'sql',
  requirement: Requirement<ReadStore>,
): Requirement<ReadStore> {
  return when(requirement, ({ capabilities }) => capabilities[capability] === true)
}

function when(
  { name, run }: Requirement<ReadStore>,
  applies: (store: ReadStore) => boolean,
): Requirement<ReadStore> {
  return {
    name,
    run: async (store) => {
      if (applies(store)) await run(store)
    },
  }
}
