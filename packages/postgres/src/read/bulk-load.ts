import { TailraceError, type CheckpointMove, type DocumentChange } from 'tailrace/adapter'
import { inTransaction, type SqlClient } from '../sql-pool.ts'
import { applyStatement, type VersionPlace } from './apply-statement.ts'
import { unhurried } from './bounded-pool.ts'
import { copyIn } from './copy-in.ts'
import type { DocumentTable } from './document-table.ts'
import { columnList, columnValues } from './document-values.ts'
import { lockForLoad } from './load-lock.ts'
import type { ReadPools } from './read-pools.ts'

/**
 * Loads all documents of a new version in one transaction: the indexes and the primary key are made after the rows. Takes
 * over from a load under way as `lockForLoad` says. Throws `PROJECTION_FENCED` under a lower fence than that one's, or when the version has checkpoints: another load may have ended while this one waited for its lock,
 * and is followed from where it ended. Throws `CONFIG` when it has documents without checkpoints, which no load leaves.
 */
export function bulkLoad(
  { work, answerTimeoutMs }: ReadPools,
  place: VersionPlace,
  table: DocumentTable,
  documents: AsyncIterable<readonly DocumentChange[]>,
  moves: readonly CheckpointMove[],
): Promise<void> {
  return inTransaction(work, async (client) => {
    await lockForLoad(client, place, table, moves[0]?.fence ?? 0n, answerTimeoutMs)
    await refuseUnlessEmpty(client, place, table)
    const indexes = await dropIndexes(client, table)
    await copyIn(
      client,
      `copy ${table.name} (${columnList(table)
        .map((column) => column.name)
        .join(', ')}) from stdin`,
      copyLines(table, documents),
      answerTimeoutMs,
    )
    for (const definition of indexes) await client.query(unhurried(definition))
    await client.query(applyStatement(place, undefined, { moves, changes: [], rows: [], park: [] }))
    await client.query(unhurried(`analyze ${table.name}`))
  })
}

async function refuseUnlessEmpty(
  client: SqlClient,
  place: VersionPlace,
  table: DocumentTable,
): Promise<void> {
  const { rows } = await client.query({
    text: `select exists (select from ${place.schema}.checkpoint where projection = $1 and version = $2) as begun,
        exists (select from ${table.name}) as filled`,
    values: [place.projection, place.version],
  })
  const where = `version ${place.version} of projection "${place.projection}"`
  if (rows[0].begun === true) {
    throw new TailraceError(
      'PROJECTION_FENCED',
      `expected to be the only bulk load of ${where}, got checkpoints of one that has ended; this one stops`,
      { retryable: true },
    )
  }
  if (rows[0].filled === true) {
    throw new TailraceError(
      'CONFIG',
      `expected ${where} to be empty, got documents; drop it before building it again`,
    )
  }
}

/** Drops every index and gives the statements that make them again. */
async function dropIndexes(client: SqlClient, table: DocumentTable): Promise<string[]> {
  const { rows } = await client.query({
    text: `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition, c.conname as key
      from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype = 'p' where i.indrelid = $1::regclass`,
    values: [table.name],
  })
  for (const { name, key } of rows) {
    await client.query({
      text:
        key === null ? `drop index ${name}` : `alter table ${table.name} drop constraint "${key}"`,
    })
  }
  return rows.map(
    ({ definition, key }) =>
      (key === null
        ? definition
        : `alter table ${table.name} add constraint "${key}" primary key (_key)`) as string,
  )
}

/** A page of large documents may be longer than any text can be. */
const chunkChars = 1024 * 1024

/** COPY's text format: tabs between columns, `\N` for NULL. */
export async function* copyLines(
  table: DocumentTable,
  documents: AsyncIterable<readonly DocumentChange[]>,
): AsyncGenerator<string> {
  for await (const page of documents) {
    const columns = columnValues(table, page)
    let text = ''
    for (let i = 0; i < page.length; i++) {
      for (let c = 0; c < columns.length; c++) {
        const value = columns[c]![i]!
        text += (c === 0 ? '' : '\t') + (value === null ? '\\N' : escaped(value))
      }
      text += '\n'
      if (text.length < chunkChars) continue
      yield text
      text = ''
    }
    if (text !== '') yield text
  }
}

const special = /[\\\t\n\r]/g
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
}

function escaped(value: string): string {
  return value.replace(special, (letter) => escapes[letter]!)
}
