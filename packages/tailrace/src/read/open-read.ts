import { TailraceError } from '../errors.ts'
import type { ProjectionStore, ReadSnapshot } from '../ports/read-store.ts'
import { streamKey } from '../project/plan-batch.ts'
import type { Freshness } from './freshness.ts'
import type { ProjectionView } from './projection-view.ts'
import { trackedReader, type Touched } from './tracked-reader.ts'

/** One read model as a query reads it. */
export interface OpenRead {
  readonly reader: unknown
  readonly snapshot: ReadSnapshot | undefined
  /** Undefined while no key is parked: then nothing needs to be noted. */
  readonly touched: Touched | undefined
  /** Taken before anything is read: never newer than the data. */
  readonly view: ProjectionView
  /** Others may be shown another version meanwhile. */
  readonly othersMayDiffer: boolean
}

/**
 * Opens read models for a query, in their order. They are read from snapshots of one moment where their stores can, which
 * makes positions exact and what one answer says of them consistent: of a single one, or of several of one server. Throws `UNAVAILABLE`.
 */
export async function openReads(
  freshness: Freshness,
  names: readonly string[],
): Promise<readonly OpenRead[]> {
  const stores: ProjectionStore[] = []
  for (const name of names) stores.push(await storeOf(freshness, name))
  // Of the moment before the first read: a version that readers come to meanwhile is not the one that is read.
  const differ = names.map((name) => freshness.watch(name).othersMayDiffer)
  const snapshots = await snapshotsOf(stores)
  return names.map((name, i) => {
    const snapshot = snapshots?.[i]
    const view = freshness.view(name, snapshot?.checkpoints)
    const reader = snapshot?.reader ?? stores[i]!.reader()
    // A snapshot says it of exactly the state that is read; what is known beside it may be a little older.
    const anyParked = snapshot === undefined ? view.parkedKeys > 0 : snapshot.anyParked
    const open = { snapshot, view, othersMayDiffer: differ[i]! }
    if (!anyParked) return { ...open, reader, touched: undefined }
    const touched: Touched = { keys: new Set(), broad: false }
    return { ...open, reader: trackedReader(reader, touched), touched }
  })
}

async function storeOf(freshness: Freshness, name: string): Promise<ProjectionStore> {
  const watch = freshness.watch(name)
  if (watch.store === undefined) await watch.look()
  const { store } = watch
  if (store !== undefined) return store
  throw new TailraceError(
    'UNAVAILABLE',
    `expected the read model of projection "${name}" in store "${watch.readStore.name}", got ${watch.failure ?? 'no answer'}`,
    { retryable: true },
  )
}

/** Undefined where the stores cannot, or are several: their snapshots could wait for each other's connections for ever. */
async function snapshotsOf([first, ...others]: readonly ProjectionStore[]): Promise<
  readonly ReadSnapshot[] | undefined
> {
  if (others.length > 0) return first!.snapshotWith?.(others)
  return first?.snapshot === undefined ? undefined : [await first.snapshot()]
}

/**
 * What may have been shown at most from read models of which others may be shown another version, that is not as far: the token
 * of the answer must stand for it, else its holder is taken back there. One version never takes back what it has shown.
 */
export async function shownAtMost(
  freshness: Freshness,
  opened: readonly OpenRead[],
): Promise<bigint> {
  const differing = opened.filter(({ othersMayDiffer }) => othersMayDiffer)
  // Without a snapshot nobody knows how far it was: one look at the end of the log is enough for all.
  let most = differing.some(({ snapshot }) => snapshot === undefined)
    ? await endOfLog(freshness)
    : 0n
  for (const { snapshot } of differing)
    for (const { position } of snapshot?.checkpoints.values() ?? [])
      if (position > most) most = position
  return most
}

/** As a look sees it that begins now, or as it is known where the log does not answer. */
async function endOfLog({ head }: Freshness): Promise<bigint> {
  await head.look()
  return head.position
}

const keysMax = 1_000
const nothing: Readonly<Record<string, readonly string[]>> = Object.freeze({})

/** Parked keys that were read, by projection. They are named only when the query asked for them: others may not be the caller's to know. */
export async function parkedTouched(
  freshness: Freshness,
  opened: readonly OpenRead[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  if (opened.every(({ touched }) => touched === undefined)) return nothing
  const parked: Record<string, readonly string[]> = {}
  for (const { view, touched, snapshot } of opened) {
    if (touched === undefined) continue
    const asked = [...touched.keys].slice(0, keysMax)
    const mine = asked.length === 0 ? [] : await parkedAmong(freshness, view.name, snapshot, asked)
    if (mine.length > 0 || touched.broad) parked[view.name] = mine
  }
  return parked
}

async function parkedAmong(
  freshness: Freshness,
  name: string,
  snapshot: ReadSnapshot | undefined,
  keys: readonly string[],
): Promise<string[]> {
  const asked = keys.flatMap((key) => [key, streamKey(key)])
  const found =
    snapshot === undefined
      ? (await freshness.watch(name).store!.parked(asked)).map(({ key }) => key)
      : await snapshot.parkedAmong(asked)
  const parked = new Set(found)
  return keys.filter((key) => parked.has(key) || parked.has(streamKey(key)))
}
