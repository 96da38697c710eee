import { TailraceError, type ApplyBatch } from 'tailrace/adapter'
import { withClient, type SqlPool } from '../sql-pool.ts'
import { rowPuts } from './apply-statement.ts'
import type { DocumentTable } from './document-table.ts'
import { columnList, columnValues } from './document-values.ts'

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
  const list = columnList(table)
  const text = `insert into ${table.name} (${list.map((column) => column.name).join(', ')})
    values (${list.map((column, i) => `$${i + 1}::${column.type}`).join(', ')}) on conflict (_key) do nothing`
  return withClient(pool, async (client) => {
    await client.query({ text: 'begin' })
    try {
      for (const change of [...batch.changes, ...rowPuts(batch.rows)]) {
        if (change.document === null) continue
        const values = columnValues(table, [change]).map((column) => column[0])
        await client.query({ text: 'savepoint one' })
        // Without its own row the insert would not reach the index.
        await client.query({
          text: `delete from ${table.name} where _key = $1`,
          values: [values[0]],
        })
        const refused = await client.query({ text, values }).then(
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
