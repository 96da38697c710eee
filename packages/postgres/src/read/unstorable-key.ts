import { TailraceError, type ApplyBatch } from 'tailrace/adapter'
import { withClient, type SqlClient, type SqlPool } from '../sql-pool.ts'
import { rowPuts } from './apply-statement.ts'
import type { DocumentTable } from './document-table.ts'
import { columnList, columnValues } from './document-values.ts'
import { insertWords } from './text-table.ts'

/**
 * Finds the document or row that the server refuses (too long for an index, a text vector too large) by trying each one in
 * a transaction that is rolled back. Gives the error to throw: `DOCUMENT_UNSTORABLE` with the key, or with the position of
 * the row's event; or else the given one.
 */
export async function unstorableKey(
  pool: SqlPool,
  table: DocumentTable,
  batch: ApplyBatch,
  error: unknown,
): Promise<unknown> {
  const tried = trial(table)
  return withClient(pool, async (client) => {
    await client.query({ text: 'begin' })
    try {
      for (const change of [...batch.changes, ...rowPuts(batch.rows)]) {
        if (change.document === null) continue
        const values = columnValues(table, [change]).map((column) => column[0])
        await client.query({ text: 'savepoint one' })
        const refused = await tried(client, values).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        await client.query({ text: 'rollback to savepoint one' })
        if (refused === undefined) continue
        const { key, position } = change
        return unstorable(key, batch.changes.includes(change) ? { key } : { position }, refused)
      }
      return error
    } finally {
      await client.query({ text: 'rollback' })
    }
  })
}

/** Writes one document, and its words, in place of what stands there. */
function trial(
  table: DocumentTable,
): (client: SqlClient, values: readonly (string | null | undefined)[]) => Promise<void> {
  const list = columnList(table)
  const text = `insert into ${table.name} (${list.map((column) => column.name).join(', ')})
    values (${list.map((column, i) => `$${i + 1}::${column.type}`).join(', ')})`
  const { name, text: found } = table
  return async (client, values) => {
    const key = [values[0]]
    // Without its own row the insert would not reach the index.
    await client.query({ text: `delete from ${name} where _key = $1`, values: key })
    await client.query({ text, values: [...values] })
    if (found === undefined) return
    await client.query({ text: `delete from ${found.name} where _key = $1`, values: key })
    await client.query({ text: `${insertWords(found, name)} where d._key = $1`, values: key })
  }
}

function unstorable(key: string, details: object, reason: unknown): TailraceError {
  const message = reason instanceof Error ? reason.message : String(reason)
  return new TailraceError(
    'DOCUMENT_UNSTORABLE',
    `expected PostgreSQL to accept the document of key ${JSON.stringify(key)}, got: ${message}`,
    {
      cause: reason,
      details: { ...details },
    },
  )
}
