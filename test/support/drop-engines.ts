import { Admin } from '@platformatic/kafka'
import { createClient } from '@redis/client'
import { removeIndices } from '../../packages/elasticsearch/test/search-engines.ts'

/** Removes what an order system with this environment has made in its engines. It must be stopped. */
export async function dropEngines(
  env: Readonly<Record<string, string>>,
  prefix: string,
): Promise<void> {
  const {
    SEARCH_URL: search,
    REDIS_URL: status,
    CLICKHOUSE_URL: counters,
    KAFKA_BROKERS: brokers,
  } = env
  if (search !== undefined) await removeIndices(search, prefix)
  if (status !== undefined) await removeKeys(status, prefix)
  if (counters !== undefined) {
    const body = `DROP DATABASE IF EXISTS ${prefix.replaceAll('-', '_')} SYNC`
    await fetch(counters, { method: 'POST', body })
  }
  if (brokers !== undefined) {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.split(',') })
    await admin.deleteTopics({ topics: [`${prefix}-events`] }).catch(() => undefined)
    await admin.close()
  }
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const client = createClient({ url })
  client.on('error', () => undefined)
  await client.connect()
  for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1_000 }))
    if (keys.length > 0) await client.unlink(keys)
  client.destroy()
}
