/** How the table of one projection is laid out. All of it becomes part of the version: a change needs a higher one. */
export interface TableOptions {
  /**
   * rows only. Properties that queries filter by most, coarse ones first: rows lie on disk in this order, before
   * position and ordinal. They must be required by the schema.
   */
  readonly orderBy?: readonly string[]
  /** rows only. One partition per day, week, month or year of a property that is a time or a date. */
  readonly partitionBy?: {
    readonly property: string
    readonly by: 'day' | 'week' | 'month' | 'year'
  }
  /**
   * rows only. Rows whose time or date in `property` is older are not read any more, and are removed from disk when the
   * server gets to it.
   */
  readonly keepFor?: { readonly property: string; readonly days: number }
  /** Column types by property where the schema cannot say them, such as `{ amount: 'Decimal(18, 2)' }`. */
  readonly columns?: Readonly<Record<string, string>>
}

/** Tables on several replicas: `Replicated…` engines, made on all servers of a cluster. */
export interface ReplicationOptions {
  /** For `ON CLUSTER`. Default: the tables are made on the server that is connected to. */
  readonly cluster?: string
  /** Path and replica name of the engines. Default: `/clickhouse/tables/{shard}/{database}/{table}` and `{replica}`. */
  readonly path?: string
  readonly replica?: string
}
