import type { Checkpoint, CheckpointMove, ParkEntry, ParkFailure } from 'tailrace/adapter'

export interface StoredText {
  /** JSON; undefined: deleted, and remembered so that an older write cannot bring it back. */
  readonly text: string | undefined
  readonly position: bigint
}

export interface ParkedEntry {
  readonly positions: readonly bigint[]
  readonly failure: ParkFailure
  readonly sinceMs: number
}

/** One projection version at rest. Values are never changed in place. */
export class VersionState {
  documents = new Map<string, StoredText>()
  checkpoints = new Map<number, Omit<Checkpoint, 'visible'>>()
  parked = new Map<string, ParkedEntry>()
  /** By position and ordinal. */
  rows = new Map<string, { readonly position: bigint; readonly text: string }>()
  /** The fence of the bulk load under way. */
  loading = 0n
  /** Which load that is: one that began later takes over, also from one under the same fence. */
  loader: symbol | undefined
  /** What queries see, where that is refreshed now and then. */
  shown: VersionState | undefined
  readonly shape: string

  constructor(shape: string) {
    this.shape = shape
  }

  copy(): VersionState {
    const copy = new VersionState(this.shape)
    copy.documents = new Map(this.documents)
    copy.checkpoints = new Map(this.checkpoints)
    copy.parked = new Map(this.parked)
    copy.rows = new Map(this.rows)
    copy.shown = this.shown
    copy.loading = this.loading
    copy.loader = this.loader
    return copy
  }
}

/** Whether anything is stored of events after a position and up to another. */
export function holdsBetween(
  { documents, rows, parked }: VersionState,
  after: bigint,
  through: bigint,
): boolean {
  const isOfThem = (position: bigint): boolean => position > after && position <= through
  return (
    [...documents.values(), ...rows.values()].some(({ position }) => isOfThem(position)) ||
    [...parked.values()].some(({ positions }) => positions.some(isOfThem))
  )
}

/** Everything that one read store holds. */
export class StoreState {
  versions = new Map<string, VersionState>()
  live = new Map<string, number>()

  copy(): StoreState {
    const copy = new StoreState()
    copy.versions = new Map([...this.versions].map(([key, version]) => [key, version.copy()]))
    copy.live = new Map(this.live)
    return copy
  }
}

export function versionKey(projection: string, version: number): string {
  return `${projection} ${version}`
}

/** Why a move is refused; undefined when it may be made. */
export function moveRefused(
  { checkpoints }: VersionState,
  { range, fence, from }: CheckpointMove,
  history: string,
): string | undefined {
  const found = checkpoints.get(range)
  if (found === undefined) return from === undefined ? undefined : 'no checkpoint'
  if (found.fence > fence) return `a checkpoint of fence ${found.fence}`
  if (found.position !== from) return `position ${found.position}`
  return continues(found.history, history) ? undefined : `history ${found.history}`
}

/** Same system, and an epoch that is not later than ours. */
function continues(stored: string, own: string): boolean {
  const [storedSystem, storedEpoch] = stored.split('/')
  const [system, epoch] = own.split('/')
  return storedSystem === system && Number(storedEpoch) <= Number(epoch)
}

export function makeMove(
  { checkpoints }: VersionState,
  { range, fence, to }: CheckpointMove,
  history: string,
  nowMs: number,
): void {
  checkpoints.set(range, { position: to, fence, history, updatedAtMs: Math.floor(nowMs) })
}

/** Whether followers would join a key that is not parked. */
export function joinsFreeKey({ parked }: VersionState, { key, failure }: ParkEntry): boolean {
  return failure === undefined && !parked.has(key)
}

/** What a follower finds under a key that is free: no person will ever look after that. */
export const nothingFailed: ParkFailure = { eventId: '', type: '', error: '', attempts: 0 }

/** Adds positions to a parked key, each once and in order; the failure that parked it first stays. */
export function putParked({ parked }: VersionState, entry: ParkEntry, nowMs: number): void {
  const found = parked.get(entry.key)
  const positions = [...new Set([...(found?.positions ?? []), ...entry.positions])]
  parked.set(entry.key, {
    positions: positions.toSorted((a, b) => (a < b ? -1 : 1)),
    failure: entry.failure ?? found?.failure ?? nothingFailed,
    sinceMs: found?.sinceMs ?? Math.floor(nowMs),
  })
}
