import {
  documentOutline,
  TailraceError,
  type AnyProjectionDef,
  type ApplyBatch,
  type Checkpoint,
  type CheckpointMove,
  type DocumentChange,
  type LogIdentityText,
  type ParkFailure,
  type ParkResolution,
  type ProjectionStore,
  type ReadStore,
  type StoredDocument,
} from 'tailrace/adapter'

/** What a planted defect replaces. */
export interface Defects {
  /** Whether a change is written over what is stored. */
  readonly wins: (change: DocumentChange, stored: StoredDocument | undefined) => boolean
  /** What a deletion leaves behind; undefined: nothing. */
  readonly tombstone: (position: bigint) => StoredDocument | undefined
  /** Whether a move may be made from a checkpoint. */
  readonly allowed: (move: CheckpointMove, stored: Checkpoint | undefined) => boolean
  /** Whether a bulk load under a fence begins beside the one under way. */
  readonly takesOver: (fence: bigint, underWay: bigint) => boolean
  /** Whether what is stored of a position is said to be held after one and up to another. */
  readonly held: (position: bigint, after: bigint, through: bigint) => boolean
  /** The batch as it is applied. */
  readonly batch: (batch: ApplyBatch) => ApplyBatch
}

const honest: Defects = {
  wins: (change, stored) => stored === undefined || change.position > stored.position,
  tombstone: (position) => ({ document: null, position }),
  allowed: (move, stored) =>
    stored?.position === move.from && (stored === undefined || stored.fence <= move.fence),
  takesOver: (fence, underWay) => fence >= underWay,
  held: (position, after, through) => position > after && position <= through,
  batch: (batch) => batch,
}

interface Parked {
  readonly failure: ParkFailure
  positions: bigint[]
}

interface Version {
  readonly outline: string
  readonly documents: Map<string, StoredDocument>
  readonly checkpoints: Map<number, Checkpoint>
  readonly parked: Map<string, Parked>
  /** The bulk load under way. */
  loader: { readonly fence: bigint } | undefined
}

/** The smallest store that writes documents first: what shows that the suite finds each planted defect. */
export function versionedStore(defects: Partial<Defects> = {}): ReadStore {
  const rules = { ...honest, ...defects }
  const versions = new Map<string, Map<number, Version>>()
  const live = new Map<string, number>()
  let closed = false
  const use = <T>(value: () => T): Promise<T> =>
    closed
      ? Promise.reject(
          new TailraceError('ADAPTER_CLOSED', 'expected an open store, got a closed one'),
        )
      : Promise.resolve().then(value)
  const all = (projection: string): Map<number, Version> => {
    const found = versions.get(projection) ?? new Map<number, Version>()
    versions.set(projection, found)
    return found
  }
  const known = (projection: string, version: number): void => {
    if (!all(projection).has(version)) throw new Error('no such version')
  }
  return {
    kind: 'read-store',
    name: 'smallest',
    guarantee: 'versioned',
    capabilities: {
      find: false,
      text: false,
      facets: false,
      sql: false,
      rows: false,
      visibleOnWrite: true,
    },
    open: (projection: AnyProjectionDef, history) =>
      use(() => {
        const outline = documentOutline(projection)
        const version = all(projection.name).get(projection.version) ?? {
          outline,
          documents: new Map(),
          checkpoints: new Map(),
          parked: new Map(),
          loader: undefined,
        }
        if (version.outline !== outline)
          throw new TailraceError('CONFIG', 'expected the documents it was made for, got others')
        all(projection.name).set(projection.version, version)
        return opened(version, history, rules, use)
      }),
    liveVersion: (projection) => use(() => live.get(projection)),
    switchTo: (projection, version, from) =>
      use(() => {
        known(projection, version)
        if (from !== undefined && (live.get(projection) ?? 'none') !== from) return false
        live.set(projection, version)
        return true
      }),
    versions: (projection) => use(() => [...all(projection).keys()]),
    drop: (projection, version) =>
      use(() => {
        if (live.get(projection) === version) throw new Error('it is live')
        all(projection).delete(version)
      }),
    ping: () => use(() => undefined),
    close: async () => {
      closed = true
    },
  }
}

function opened(
  version: Version,
  history: LogIdentityText,
  rules: Defects,
  use: <T>(value: () => T) => Promise<T>,
): ProjectionStore {
  const { documents, checkpoints, parked } = version
  const get = (key: string): unknown => documents.get(key)?.document ?? undefined
  const reader = {
    get: (key: string) => use(() => get(key)),
    getMany: (keys: readonly string[]) =>
      use(() => {
        if (keys.length > 1_000) throw new TailraceError('READ_UNSUPPORTED', 'too many keys')
        return keys.map(get)
      }),
    find: () => Promise.reject(new TailraceError('READ_UNSUPPORTED', 'no find')),
  }
  const store: ProjectionStore = {
    checkpoints: () => use(() => new Map(checkpoints)),
    load: (keys) =>
      use(
        () =>
          new Map(
            keys
              .flatMap((key) => [[key, documents.get(key)!] as const])
              .filter(([, stored]) => stored !== undefined),
          ),
      ),
    apply: (batch) => use(() => apply(version, rules.batch(batch), history, rules)),
    applySql: () => Promise.reject(new TailraceError('READ_UNSUPPORTED', 'no SQL')),
    parked: (keys, limit = 1_000) =>
      use(() =>
        [...parked]
          .filter(([key]) => keys === undefined || keys.includes(key))
          .slice(0, limit)
          .map(([key, { failure, positions }]) => ({
            key,
            failure,
            firstPosition: positions[0]!,
            events: positions.length,
            sinceMs: 1,
          })),
      ),
    parkedPositions: (key) => use(() => parked.get(key)?.positions ?? []),
    resolveParked: (resolution) => use(() => resolve(version, resolution, rules)),
    async bulkLoad(pages, moves) {
      if (checkpoints.size > 0)
        throw new TailraceError('PROJECTION_FENCED', 'expected an empty version')
      const own = { fence: moves[0]?.fence ?? 0n }
      if (version.loader !== undefined && !rules.takesOver(own.fence, version.loader.fence))
        throw new TailraceError('PROJECTION_FENCED', 'a load under a higher fence')
      version.loader = own
      documents.clear()
      const assertLast = (): void => {
        if (version.loader !== own) throw new TailraceError('PROJECTION_FENCED', 'another load')
      }
      for await (const page of pages) {
        assertLast()
        write(version, page, rules)
      }
      assertLast()
      for (const move of moves) setCheckpoint(version, move, history)
    },
    holdsBetween: (after, through) =>
      use(() =>
        [
          ...[...documents.values()].map(({ position }) => position),
          ...[...parked.values()].flatMap(({ positions }) => positions),
        ].some((position) => rules.held(position, after, through)),
      ),
    async *dump() {
      const present = [...documents].filter(([, { document }]) => document !== null)
      yield present
        .map(([key, { document }]) => ({ key, document }))
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    },
    reader: () => reader as never,
  }
  return store
}

function apply(
  version: Version,
  batch: ApplyBatch,
  history: LogIdentityText,
  rules: Defects,
): void {
  const { checkpoints, parked } = version
  for (const move of batch.moves) {
    const stored = checkpoints.get(move.range)
    if (
      !rules.allowed(move, stored) ||
      (stored !== undefined && !continues(stored.history, history))
    )
      throw new TailraceError('PROJECTION_FENCED', 'the checkpoint is elsewhere')
  }
  if (batch.park.some(({ key, failure }) => failure === undefined && !parked.has(key)))
    throw new TailraceError('PARKED_KEY_CHANGED', 'the key is free')
  write(version, batch.changes, rules)
  for (const { key, positions, failure } of batch.park) {
    const entry = parked.get(key) ?? { failure: failure!, positions: [] }
    entry.positions = [...new Set([...entry.positions, ...positions])]
    parked.set(key, entry)
  }
  for (const move of batch.moves) setCheckpoint(version, move, history)
}

function write({ documents }: Version, changes: readonly DocumentChange[], rules: Defects): void {
  const texts = changes.map((change) => {
    try {
      return JSON.stringify(change.document)
    } catch (error) {
      const details = { key: change.key }
      throw new TailraceError('DOCUMENT_UNSTORABLE', 'no JSON', { cause: error, details })
    }
  })
  changes.forEach((change, i) => {
    if (!rules.wins(change, documents.get(change.key))) return
    const stored =
      change.document === null
        ? rules.tombstone(change.position)
        : { document: JSON.parse(texts[i]!) as unknown, position: change.position }
    if (stored === undefined) documents.delete(change.key)
    else documents.set(change.key, stored)
  })
}

function setCheckpoint(
  { checkpoints }: Version,
  { range, to, fence }: CheckpointMove,
  history: LogIdentityText,
): void {
  checkpoints.set(range, { position: to, visible: to, fence, history, updatedAtMs: 1 })
}

function continues(stored: LogIdentityText, own: LogIdentityText): boolean {
  const [system, epoch] = own.split('/')
  return stored.split('/')[0] === system && Number(stored.split('/')[1]) <= Number(epoch)
}

function resolve(version: Version, resolution: ParkResolution, rules: Defects): void {
  const { parked } = version
  const entry = parked.get(resolution.key)
  if (String(entry?.positions) !== String(resolution.seen))
    throw new TailraceError('PARKED_KEY_CHANGED', 'the positions are others')
  write(version, resolution.changes, rules)
  if (resolution.remaining.length === 0) parked.delete(resolution.key)
  else
    parked.set(resolution.key, {
      failure: resolution.failure ?? entry!.failure,
      positions: [...resolution.remaining],
    })
}
