import type { FindOptions, Found, NativeReader, SqlReader } from '../ports/reader.ts'

/** What a query has read of one projection: for saying which parked keys its answer touches. */
export interface Touched {
  readonly keys: Set<string>
  /** By filter or SQL: which keys were touched cannot be told. */
  broad: boolean
}

interface AnyReader extends Omit<SqlReader, 'native'> {
  readonly native: NativeReader | undefined
  get(key: string): Promise<unknown>
  getMany(keys: readonly string[]): Promise<unknown[]>
  find(options: FindOptions<Record<string, unknown>>): Promise<Found<unknown>>
}

/** Passes reads on and notes what they touch. */
export function trackedReader(reader: unknown, touched: Touched): unknown {
  const inner = reader as AnyReader
  const tracked: AnyReader = {
    get(key) {
      touched.keys.add(key)
      return inner.get(key)
    },
    getMany(keys) {
      for (const key of keys) touched.keys.add(key)
      return inner.getMany(keys)
    },
    find(options) {
      touched.broad = true
      return inner.find(options)
    },
    query(sql, parameters) {
      touched.broad = true
      return inner.query(sql, parameters)
    },
    get native(): NativeReader | undefined {
      touched.broad = true
      return inner.native
    },
  }
  return tracked
}
