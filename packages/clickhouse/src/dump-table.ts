import type { DocumentTable } from './document-table.ts'
import { keyOfText, rowKey } from './exact-text.ts'
import type { Server } from './server.ts'

const pageSize = 1_000

type Page = readonly { readonly key: string; readonly document: unknown }[]

/** Every document in the order of keys, or every row in the order of position and ordinal. */
export async function* dumpTable(server: Server, table: DocumentTable): AsyncGenerator<Page> {
  const fold = table.shape === 'fold'
  const place = fold ? ['_key'] : ['_position', '_ordinal']
  const types = fold ? ['String'] : ['UInt64', 'UInt32']
  const bound = place.map((_, i) => `{after${i}:${types[i]}}`)
  let after: readonly unknown[] | undefined
  for (;;) {
    const rows = await server.rows(
      `SELECT ${place.join(', ')}, ${table.selected} FROM ${table.source}
       WHERE ${[...table.retained, ...(after === undefined ? [] : [`(${place.join(', ')}) > (${bound.join(', ')})`])].join(' AND ') || '1'}
       ORDER BY ${place.join(', ')} LIMIT ${pageSize}`,
      Object.fromEntries((after ?? []).map((value, i) => [`after${i}`, value])),
    )
    if (rows.length > 0)
      yield rows.map((row) => ({
        key: fold ? keyOfText(row[0] as string) : rowKey(row[0] as string, Number(row[1])),
        document: table.codec.decode(row, place.length),
      }))
    if (rows.length < pageSize) return
    after = rows.at(-1)!.slice(0, place.length)
  }
}
