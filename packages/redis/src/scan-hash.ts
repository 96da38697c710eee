import type { RedisConnection } from './connection.ts'

/** The fields of a hash in pages; one that changes meanwhile may come twice. */
export async function* scanHash(
  connection: RedisConnection,
  hash: string,
): AsyncGenerator<ReadonlyMap<string, string>> {
  let cursor = '0'
  do {
    const [next, flat] = (await connection.run(['HSCAN', hash, cursor, 'COUNT', '200'])) as [
      string,
      string[],
    ]
    const page = new Map<string, string>()
    for (let i = 0; i < flat.length; i += 2) page.set(flat[i]!, flat[i + 1]!)
    yield page
    cursor = next
  } while (cursor !== '0')
}
