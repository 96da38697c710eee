export { redis, type RedisOptions } from './redis.ts'
export { redisReader, type ReadCommand, type RedisReader, type ScopedKey } from './native-reader.ts'
