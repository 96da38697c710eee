import type { Meta } from '../declare/client-types.ts'
import type { ProjectionView } from './projection-view.ts'

export interface MetaInput {
  readonly views: readonly ProjectionView[]
  /** A token was not reached. */
  readonly behindToken: boolean
  readonly parked: Readonly<Record<string, readonly string[]>>
}

/** Views are the same object until something has moved: so is what is said of them. */
const plain = new WeakMap<ProjectionView, Meta>()

/** What an answer says about its freshness: as fresh as the least fresh of its read models. */
export function answerMeta(input: MetaInput): Meta {
  const { views, behindToken, parked } = input
  if (views.length !== 1 || behindToken || Object.keys(parked).length > 0) return makeMeta(input)
  const known = plain.get(views[0]!) ?? makeMeta(input)
  plain.set(views[0]!, known)
  return known
}

function makeMeta({ views, behindToken, parked }: MetaInput): Meta {
  const asOfMs = Math.min(...views.map((view) => view.asOfMs))
  const asOf = new Date(asOfMs).toISOString()
  return {
    position: String(lowestPosition(views)),
    asOf,
    lagMs: Math.round(Math.max(...views.map((view) => view.lagMs))),
    stale: behindToken || views.some((view) => view.stale),
    reads: Object.fromEntries(
      views.map((view) => [
        view.name,
        { position: String(view.position ?? 0n), lagMs: Math.round(view.lagMs), state: view.state },
      ]),
    ),
    ...(behindToken ? { behindToken } : {}),
    ...(Object.keys(parked).length > 0 ? { parked } : {}),
    ...(views.some((view) => view.sloBroken)
      ? { notice: `results may be delayed, as of ${asOf.slice(11, 19)}` }
      : {}),
  }
}

/** The position that the whole answer holds; 0 while a read model has not started. */
export function lowestPosition(views: readonly ProjectionView[]): bigint {
  return views
    .map((view) => view.position ?? 0n)
    .reduce((low, position) => (position < low ? position : low))
}
