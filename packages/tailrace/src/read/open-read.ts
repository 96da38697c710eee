import { TailraceError } from '../errors.ts'
import type { ReadSnapshot } from '../ports/read-store.ts'
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
 * Opens a read model for a query. One that reads it alone reads from a snapshot, which makes its position exact. One of several
 * does not: their snapshots would hold several connections of one pool, and queries could wait for each other's for ever.
 * Throws `UNAVAILABLE`.
 */
export async function openRead(
  freshness: Freshness,
  name: string,
  alone: boolean,
): Promise<OpenRead> {
  const watch = freshness.watch(name)
  if (watch.store === undefined) await watch.look()
  const { store } = watch
  if (store === undefined) {
    throw new TailraceError(
      'UNAVAILABLE',
      `expected the read model of projection "${name}" in store "${watch.readStore.name}", got ${watch.failure ?? 'no answer'}`,
      { retryable: true },
    )
  }
  const { othersMayDiffer } = watch
  const snapshot = alone ? await store.snapshot?.() : undefined
  const view = freshness.view(name, snapshot?.checkpoints)
  const reader = snapshot?.reader ?? store.reader()
  // A snapshot says it of exactly the state that is read; what is known beside it may be a little older.
  const anyParked = snapshot === undefined ? view.parkedKeys > 0 : snapshot.anyParked
  if (!anyParked) return { reader, snapshot, touched: undefined, view, othersMayDiffer }
  const touched: Touched = { keys: new Set(), broad: false }
  return { reader: trackedReader(reader, touched), snapshot, touched, view, othersMayDiffer }
}

/**
 * What may have been shown at most from read models of which others may be shown another version, that is not as far: the token
 * of the answer must stand for it, else its holder is taken back there. One version never takes back what it has shown.
 */
export async function shownAtMost(
  freshness: Freshness,
  opened: readonly OpenRead[],
): Promise<bigint> {
  let most = 0n
  for (const { snapshot } of opened.filter(({ othersMayDiffer }) => othersMayDiffer)) {
    const shown =
      snapshot === undefined
        ? [await endOfLog(freshness)]
        : [...snapshot.checkpoints.values()].map(({ position }) => position)
    for (const position of shown) if (position > most) most = position
  }
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
