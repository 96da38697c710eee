export { lmdb, type LmdbOptions } from './lmdb.ts'
