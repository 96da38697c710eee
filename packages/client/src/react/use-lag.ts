import { useSyncExternalStore } from 'react'
import type { FreshnessBoard, Freshnesses, ProjectionFreshness } from '../freshness-board.ts'

interface Told {
  readonly freshness: FreshnessBoard
}

/** How far behind projections were when an answer last told: all of them, or one. */
export function useLag(client: Told): Freshnesses
export function useLag(client: Told, projection: string): ProjectionFreshness | undefined
export function useLag(
  { freshness }: Told,
  projection?: string,
): Freshnesses | ProjectionFreshness | undefined {
  const all = useSyncExternalStore(
    freshness.subscribe,
    freshness.getSnapshot,
    freshness.getSnapshot,
  )
  return projection === undefined ? all : all[projection]
}
