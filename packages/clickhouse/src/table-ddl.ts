import type { ReplicationOptions } from './table-options.ts'

/** What CREATE TABLE says, whether or not the table is replicated. */
export interface TableDefinition {
  readonly database: string
  readonly name: string
  /** Column definitions, and other lines of the list. */
  readonly lines: readonly string[]
  /** Arguments of ReplacingMergeTree. */
  readonly replacing: readonly string[]
  readonly partitionBy?: string | undefined
  readonly orderBy: readonly string[]
  readonly ttl?: string | undefined
  readonly settings: Readonly<Record<string, number>>
}

/** A name in backquotes. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

/** Text as a literal. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

export function qualified({ database, name }: { database: string; name: string }): string {
  return `${quoted(database)}.${quoted(name)}`
}

/** ` ON CLUSTER …`, or nothing. */
export function onCluster(replication: ReplicationOptions | undefined): string {
  return replication?.cluster === undefined ? '' : ` ON CLUSTER ${quoted(replication.cluster)}`
}

/** Plain and replicated tables come from one definition and differ in the engine only. */
export function createTable(
  table: TableDefinition,
  replication: ReplicationOptions | undefined,
): string {
  const settings = Object.entries(table.settings).map(([name, value]) => `${name} = ${value}`)
  return [
    `CREATE TABLE IF NOT EXISTS ${qualified(table)}${onCluster(replication)} (`,
    `  ${table.lines.join(',\n  ')}`,
    `) ENGINE = ${engineOf(table.replacing, replication)}`,
    ...(table.partitionBy === undefined ? [] : [`PARTITION BY ${table.partitionBy}`]),
    `ORDER BY (${table.orderBy.join(', ')})`,
    ...(table.ttl === undefined ? [] : [`TTL ${table.ttl}`]),
    ...(settings.length === 0 ? [] : [`SETTINGS ${settings.join(', ')}`]),
  ].join('\n')
}

/** Resolves when its data is gone, and nothing uses it any more. */
export function dropTable(
  { database, name }: Pick<TableDefinition, 'database' | 'name'>,
  replication: ReplicationOptions | undefined,
): string {
  return `DROP TABLE IF EXISTS ${qualified({ database, name })}${onCluster(replication)} SYNC`
}

function engineOf(
  replacing: readonly string[],
  replication: ReplicationOptions | undefined,
): string {
  if (replication === undefined) return `ReplacingMergeTree(${replacing.join(', ')})`
  // Not the server's default, which is by {uuid}: that works for ON CLUSTER only.
  const { path = '/clickhouse/tables/{shard}/{database}/{table}', replica = '{replica}' } =
    replication
  const place = [literal(path), literal(replica)]
  return `ReplicatedReplacingMergeTree(${[...place, ...replacing].join(', ')})`
}
