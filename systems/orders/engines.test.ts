import { expect, test } from 'vitest'
import { enginesFromEnv } from './engines.ts'

test('without engines, nothing is taken out of the stores that need none', () => {
  expect(enginesFromEnv({})).toEqual({ stores: {}, bus: undefined, lines: [] })
  expect(enginesFromEnv({ REDIS_URL: '', KAFKA_BROKERS: '' })).toMatchObject({
    stores: {},
    lines: [],
  })
})

test('each engine takes its own read models, and all of them together', () => {
  const urls = {
    SEARCH_URL: 'http://127.0.0.1:9200',
    REDIS_URL: 'redis://me:secret@127.0.0.1:6379/1',
    CLICKHOUSE_URL: 'http://127.0.0.1:8123',
    KAFKA_BROKERS: '127.0.0.1:9092, 127.0.0.1:9093',
  }
  const places = (env: object) => Object.keys(enginesFromEnv(env as never).stores).toSorted()
  expect(places({ SEARCH_URL: urls.SEARCH_URL })).toEqual(['order-document', 'seller-order'])
  expect(places({ REDIS_URL: urls.REDIS_URL })).toEqual(['order-status'])
  expect(places({ CLICKHOUSE_URL: urls.CLICKHOUSE_URL })).toEqual(['operations'])
  const all = enginesFromEnv(urls)
  expect(Object.keys(all.stores)).toHaveLength(4)
  expect(all.bus).toBeDefined()
  expect(all.lines).toHaveLength(4)
  expect(all.lines.join()).not.toContain('secret')
})

test.each([
  [
    { REDIS_URL: 'http://x:secret@y' },
    /expected REDIS_URL to be a URL that begins with redis:\/\/ or rediss:\/\//,
  ],
  [{ SEARCH_URL: 'localhost' }, /expected SEARCH_URL/],
  [{ CLICKHOUSE_URL: 'clickhouse://x' }, /expected CLICKHOUSE_URL/],
  [
    { KAFKA_BROKERS: 'localhost' },
    /expected KAFKA_BROKERS to be host:port,host:port, got "localhost"/,
  ],
  [
    { KAFKA_DURABILITY: 'none' },
    /expected KAFKA_DURABILITY to be replicated or single, got "none"/,
  ],
  [{ ENGINE_PREFIX: 'A b' }, /expected ENGINE_PREFIX/],
])('refuses %j', (env, message) => {
  expect(() => enginesFromEnv(env)).toThrow(message)
  expect(() => enginesFromEnv(env)).not.toThrow(/secret/)
})
