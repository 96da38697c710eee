import type { Lease, LeaseStatus, LeaseStore } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import type { SqlPool } from '../sql-pool.ts'
import { repeatable } from './repeatable.ts'

interface LeaseRow {
  readonly projection: string
  readonly version: number
  readonly range: number
  readonly slot_from: number
  readonly slot_to: number
  readonly owner: string | null
  readonly fence: string
  readonly remaining_ms: number
  readonly paused: boolean
  readonly trouble: string | null
  readonly failed: boolean
}

/** Leases in the write database. Only its clock counts. */
export function postgresLeases(options: {
  readonly pool: SqlPool
  readonly schema?: string
}): LeaseStore {
  const { pool } = options
  const schema = quotedSchema(options.schema ?? 'tailrace')
  const ensure = repeatable(pool, 'lease_ensure', ensureSql(schema))
  const claim = repeatable<LeaseRow>(pool, 'lease_claim', claimSql(schema))
  const release = repeatable(pool, 'lease_release', releaseSql(schema))
  const list = repeatable<LeaseRow>(pool, 'lease_list', listSql(schema))
  const pause = repeatable(pool, 'lease_pause', pauseSql(schema))
  return {
    async ensure(projection, version, ranges) {
      await ensure([
        projection,
        version,
        ranges.map((range) => range.from),
        ranges.map((range) => range.to),
      ])
    },
    async claim({ owner, ttlMs, projections }) {
      if (projections.length === 0) return []
      const rows = await claim([
        owner,
        ttlMs,
        projections.map((wanted) => wanted.projection),
        projections.map((wanted) => wanted.version),
        projections.map((wanted) => wanted.max),
        projections.map((wanted) => wanted.trouble?.text ?? null),
        projections.map((wanted) => wanted.trouble?.failed ?? false),
      ])
      return rows.map(leaseOf)
    },
    async release(owner, leases) {
      if (leases.length === 0) return
      await release([
        owner,
        leases.map((lease) => lease.projection),
        leases.map((lease) => lease.version),
        leases.map((lease) => lease.range),
        leases.map((lease) => String(lease.fence)),
      ])
    },
    async list() {
      return (await list()).map(statusOf)
    },
    async setPaused(projection, paused) {
      await pause([projection, paused])
    },
  }
}

/** A paused projection is paused in its next version too. */
function ensureSql(schema: string): string {
  return `
    insert into ${schema}.lease (projection, version, range, slot_from, slot_to, paused)
    select $1::text, $2::integer, n - 1, slot_from, slot_to,
      coalesce((select bool_or(paused) from ${schema}.lease where projection = $1::text), false)
    from unnest($3::smallint[], $4::smallint[]) with ordinality r(slot_from, slot_to, n)
    on conflict (projection, version, range) do nothing`
}

/** 2 to the power of this many leases can be taken in one history of the log: the fences of the next one begin above. */
const fenceBits = 40

/**
 * Own rows are renewed, then free ones taken. A restore takes fences back, and what was written under those that are lost
 * would keep everybody out: so fences of a later history are higher than any of an earlier one, also of rows that stay.
 * Rows are locked in the order of their key, and free ones that another worker is taking are passed over, so that no two
 * workers wait for each other.
 */
function claimSql(schema: string): string {
  return `
    with wanted as (
      select projection, version, most, left(trouble, 2000) as trouble, failed
      from unnest($3::text[], $4::integer[], $5::integer[], $6::text[], $7::boolean[]) w(projection, version, most, trouble, failed)
    ),
    own as materialized (
      select l.projection, l.version, l.range from ${schema}.lease l join wanted w using (projection, version)
      where l.owner = $1::text and not l.paused
      order by l.projection, l.version, l.range
      for update of l
    ),
    free as materialized (
      select found.* from wanted w cross join lateral (
        select l.projection, l.version, l.range from ${schema}.lease l
        where l.projection = w.projection and l.version = w.version and not l.paused
          and (l.owner is null or (l.owner <> $1::text and l.until <= clock_timestamp()))
        order by l.until nulls first, l.range
        limit greatest(w.most, 0)
        for update of l skip locked
      ) found
    )
    update ${schema}.lease l
    set owner = $1::text,
      fence = case when c.taken or l.fence < history.fence then greatest(l.fence, history.fence) + 1 else l.fence end,
      until = clock_timestamp() + $2::float8 * interval '1 millisecond',
      trouble = w.trouble, trouble_of = $1::text, failed = w.failed
    from (select *, false as taken from own union all select *, true from free) c join wanted w using (projection, version),
      (select (coalesce(max(epoch), 1) - 1)::bigint << ${fenceBits} as fence from ${schema}.log_epoch) history
    where l.projection = c.projection and l.version = c.version and l.range = c.range
    returning ${columns}`
}

function releaseSql(schema: string): string {
  return `
    update ${schema}.lease l set owner = null, until = null, trouble = null, failed = false
    from unnest($2::text[], $3::integer[], $4::integer[], $5::bigint[]) r(projection, version, range, fence)
    where l.projection = r.projection and l.version = r.version and l.range = r.range
      and l.fence = r.fence and l.owner = $1::text`
}

function listSql(schema: string): string {
  return `select ${columns} from ${schema}.lease l order by projection, version, range`
}

function pauseSql(schema: string): string {
  return `
    with rows as materialized (
      select projection, version, range from ${schema}.lease where projection = $1::text
      order by projection, version, range for update
    )
    update ${schema}.lease l set paused = $2::boolean from rows
    where l.projection = rows.projection and l.version = rows.version and l.range = rows.range`
}

const columns = `l.projection, l.version, l.range, l.slot_from, l.slot_to, l.owner, l.fence::text, l.paused,
  case when l.trouble_of = l.owner then l.trouble end as trouble, l.failed,
  coalesce(floor(extract(epoch from l.until - clock_timestamp()) * 1000), 0)::float8 as remaining_ms`

function leaseOf(row: LeaseRow): Lease {
  return {
    projection: row.projection,
    version: row.version,
    range: row.range,
    slots: { from: row.slot_from, to: row.slot_to },
    fence: BigInt(row.fence),
  }
}

function statusOf(row: LeaseRow): LeaseStatus {
  return {
    ...leaseOf(row),
    owner: row.owner ?? undefined,
    remainingMs: row.remaining_ms,
    paused: row.paused,
    trouble: row.trouble === null ? undefined : { text: row.trouble, failed: row.failed },
  }
}
