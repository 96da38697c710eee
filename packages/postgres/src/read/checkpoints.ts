import type { Checkpoint } from 'tailrace/adapter'
import type { SqlStatement } from '../sql-pool.ts'
import { prepared, type VersionPlace } from './apply-statement.ts'

const columns = 'range, position, fence, history, (extract(epoch from updated_at) * 1000)::bigint'

/** All checkpoints of a version, as texts. */
export function checkpointStatement(place: VersionPlace): SqlStatement {
  return prepared(
    `select ${columns}
     from ${place.schema}.checkpoint where projection = $1 and version = $2`,
    [place.projection, place.version],
  )
}

/** The same, each with whether any key of the version is parked: `t` or `f`. */
export function snapshotStatement(place: VersionPlace): SqlStatement {
  return prepared(
    `select ${columns},
       exists (select from ${place.schema}.parked_key where projection = $1 and version = $2)
     from ${place.schema}.checkpoint where projection = $1 and version = $2`,
    [place.projection, place.version],
  )
}

export function checkpointsOf(rows: readonly (string | null)[][]): Map<number, Checkpoint> {
  return new Map(
    rows.map(([range, position, fence, history, updatedAt]) => [
      Number(range),
      {
        position: BigInt(position!),
        fence: BigInt(fence!),
        history: history!,
        updatedAtMs: Number(updatedAt),
        visible: BigInt(position!),
      },
    ]),
  )
}
