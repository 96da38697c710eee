import { CheckpointReader } from './checkpoint-record.ts'
import type { Entry } from './document-codec.ts'
import type { Environment, Table } from './environment.ts'
import { namesOf } from './table-names.ts'

/** Where a projection version lives: a database of documents and one of everything else. */
export interface VersionTables {
  readonly documents: Table
  readonly state: Table
  readonly checkpoints: CheckpointReader
}

export function versionTables(
  environment: Environment,
  projection: string,
  version: number,
): VersionTables {
  const names = namesOf(`${projection}/${version}`)
  const state = environment.table(names.state)
  return {
    documents: environment.table(names.documents),
    state,
    checkpoints: new CheckpointReader(state),
  }
}

export function writeEntry(documents: Table, entry: Entry): void {
  if (entry.value === undefined) void documents.remove(entry.key)
  else void documents.put(entry.key, entry.value)
}
