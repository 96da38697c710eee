import type { RedisConnection } from './connection.ts'
import type { VersionNames } from './key-names.ts'
import { lookupIds } from './lookup.ts'
import { scanHash } from './scan-hash.ts'

/** Keys that are removed in one step: the server does nothing else meanwhile. */
const stepSize = 500

/** Removes everything of a version that nobody writes to any more, step by step. May be interrupted and repeated. */
export async function dropKeys(connection: RedisConnection, names: VersionNames): Promise<void> {
  await clearListed(connection, names, names.keys, 0)
  await clearListed(connection, names, names.deletions, 20)
  await connection.run(['UNLINK', ...lookupIds.map((id) => names.lookup(id))])
  for await (const page of scanHash(connection, names.parked)) {
    if (page.size > 0)
      await connection.run(['UNLINK', ...[...page.keys()].map((key) => names.waiting(key))])
  }
  await connection.run(['UNLINK', names.parked, names.checkpoints])
}

/** Removes the documents that a sorted set lists, each first, so that an interrupted step is found again. */
async function clearListed(
  connection: RedisConnection,
  names: VersionNames,
  list: string,
  keyFrom: number,
): Promise<void> {
  const next = async () =>
    (await connection.run(['ZRANGE', list, '0', String(stepSize - 1)])) as string[]
  for (let page = await next(); page.length > 0; page = await next()) {
    await connection.pipeline([
      ['UNLINK', ...page.map((entry) => names.document(entry.slice(keyFrom)))],
      ['ZREM', list, ...page],
    ])
  }
}
