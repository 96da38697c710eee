export { clickhouse } from './clickhouse.ts'
export { clickhouseSql, type ClickHouseSql } from './sql-reader.ts'
export type { ClickHouseOptions, QueryLimits } from './store-settings.ts'
export type { ReplicationOptions, TableOptions } from './table-options.ts'
