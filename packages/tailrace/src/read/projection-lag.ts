import type { SeenHead } from './head-watch.ts'

/** How far a projection is behind, from what was last seen of the log. Milliseconds. */
export interface ProjectionLag {
  /** Age of the oldest committed event that a query cannot see yet; 0 when none is known and the log answers. */
  readonly lagMs: number
  readonly lagEvents: number
  /** Age of the oldest event that waits at each stage: to be sequenced, applied, visible. */
  readonly parts: { readonly sequenced: number; readonly applied: number; readonly visible: number }
  /** The data holds everything that was committed by this time of the database. */
  readonly asOfMs: number
}

export interface LagInput {
  readonly head: SeenHead
  /** Whether the last look at the log succeeded. */
  readonly reachable: boolean
  /** The database's time now. */
  readonly nowMs: number
  /** The lowest position applied, and the lowest visible; 0 when not started. */
  readonly applied: bigint
  readonly visible: bigint
}

/**
 * Works the lag out. What is known is a little old: an event that has become visible since may still count, never the other
 * way round. A log that does not answer may hold anything newer than the last look, so its silence counts as lag.
 */
export function projectionLag({
  head,
  reachable,
  nowMs,
  applied,
  visible,
}: LagInput): ProjectionLag {
  const age = (at: number | undefined): number => (at === undefined ? 0 : Math.max(0, nowMs - at))
  const unsequencedAt = head.unsequenced > 0 ? head.oldestUnsequencedAtMs : undefined
  const notAppliedAt = oldestBehind(head, applied)
  const notVisibleAt = visible < applied ? oldestBehind(head, visible) : undefined
  const silence = reachable ? 0 : Math.max(0, nowMs - head.nowMs)
  const parts = {
    sequenced: Math.max(age(unsequencedAt), silence),
    applied: age(notAppliedAt),
    visible: age(notVisibleAt),
  }
  const oldest = Math.min(
    ...[unsequencedAt, notAppliedAt, notVisibleAt].filter((at) => at !== undefined),
  )
  return {
    lagMs: Math.max(parts.sequenced, parts.applied, parts.visible),
    lagEvents: eventsBehind(head, visible) + head.unsequenced,
    parts,
    asOfMs: Math.min(head.nowMs, oldest),
  }
}

/**
 * Time of the oldest event known to be behind a position. It was asked for an earlier position of the same projection; a
 * snapshot may be older than all that was asked for, and then holds what an earlier look at the head says. 0: nobody knows.
 */
function oldestBehind(head: SeenHead, position: bigint): number | undefined {
  if (position >= head.position) return undefined
  const nearest = nearestBelow(head, position)
  if (nearest !== undefined) return nearest.oldestAtMs
  return head.looks.findLast((look) => look.position <= position)?.asOfMs ?? 0
}

function eventsBehind(head: SeenHead, position: bigint): number {
  if (position >= head.position) return 0
  const distance = Number(head.position - position)
  // Positions are dense but for the gap that a new history leaves.
  return Math.min(distance, nearestBelow(head, position)?.events ?? distance)
}

function nearestBelow(
  head: SeenHead,
  position: bigint,
): { readonly events: number; readonly oldestAtMs: number | undefined } | undefined {
  let nearest: bigint | undefined
  for (const asked of head.behind.keys())
    if (asked <= position && (nearest === undefined || asked > nearest)) nearest = asked
  return nearest === undefined ? undefined : head.behind.get(nearest)
}
