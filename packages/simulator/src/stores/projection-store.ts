import {
  TailraceError,
  type AnyProjectionDef,
  type ApplyBatch,
  type Checkpoint,
  type CheckpointMove,
  type DocumentChange,
  type ParkedKey,
  type ParkResolution,
  type ProjectionStore,
  type ReadSnapshot,
  type SqlBatch,
  type StoredDocument,
} from 'tailrace/adapter'
import type { AskStore } from './read-store.ts'
import { readerOf } from './store-reader.ts'
import { runGroups } from './sql-groups.ts'
import { holdsBetween, makeMove, putParked, versionKey, VersionState } from './store-state.ts'
import type { StoreServer } from './store-server.ts'
import { assertMoves, assertParked, parkedKeyChanged, versionOf } from './version-guards.ts'

/** One projection version in a simulated store, as one process opened it. */
export function simProjectionStore(
  store: StoreServer,
  ask: AskStore,
  projection: AnyProjectionDef,
  history: string,
): ProjectionStore {
  const state = (): VersionState => versionOf(store, projection)
  const transactional = store.tuning.guarantee === 'transactional'
  const base: ProjectionStore = {
    checkpoints: () => ask('checkpoints', false, () => checkpointsOf(store, state())),
    load: (keys) => ask('load', false, () => documentsOf(state(), keys)),
    apply: (batch) =>
      ask('apply', true, async () => {
        note(store, projection, batch)
        if (projection.shape === 'fold' && batch.moves.some(({ from }) => from === undefined))
          store.onViolation('I22', `${projection.name} was written to before it was loaded`)
        const key = versionKey(projection.name, projection.version)
        const diverged = batch.moves.length > 0 && store.diverged.has(key)
        if (transactional) applyAtOnce(store, state(), batch, history)
        else await applyInParts(store, projection, batch, history)
        // What was refused went nowhere.
        if (diverged)
          store.onViolation('I2', `${projection.name} went on from a position that the log lost`)
      }),
    applySql: (batch: SqlBatch) =>
      ask('applySql', true, () => runGroups(store, projection, batch, history)),
    parked: (keys, limit = 1_000) =>
      ask('parked', false, () => parkedOf(state(), keys).slice(0, limit)),
    parkedPositions: (key) =>
      ask('parked positions', false, () => state().parked.get(key)?.positions ?? []),
    resolveParked: (resolution) =>
      ask('resolve', true, () => {
        // What is settled may be shown a little later than it counts as parked.
        const { kernel } = store.simulation
        const name = projection.name as string
        store.parkedAt.push({ projection: name, key: resolution.key, at: kernel.nowMs })
        resolveParked(store, state(), resolution)
      }),
    bulkLoad: (documents, moves) => bulkLoad(store, ask, projection, documents, moves, history),
    dump: async function* () {
      yield await ask('dump', false, () => dumpOf(state()))
    },
    reader: () => readerOf(ask, () => shownOf(store, state())),
    ...(store.tuning.refreshOnDemand && store.tuning.refreshMs > 0
      ? { makeVisible: () => ask('refresh', true, () => store.refresh()) }
      : {}),
  }
  if (!transactional)
    return {
      ...base,
      holdsBetween: (after, through) =>
        ask('holds between', false, () => held(store, projection, state(), after, through)),
    }
  return withSnapshots(base, { store, ask, state })
}

interface Opened {
  readonly store: StoreServer
  readonly ask: AskStore
  readonly state: () => VersionState
}

/** What stores are made of, for snapshots of several. */
const openedStores = new WeakMap<ProjectionStore, Opened>()

function withSnapshots(base: ProjectionStore, of: Opened): ProjectionStore {
  const { store, ask, state } = of
  const snapshotsOf = async (states: readonly (() => VersionState)[]) => {
    const seen = await ask('snapshot', false, () => states.map((one) => one().copy()))
    return seen.map((one) => snapshotOf(store, ask, one))
  }
  const opened: ProjectionStore = {
    ...base,
    snapshot: async () => (await snapshotsOf([state]))[0]!,
    snapshotWith: (others) => {
      const states = others.flatMap((other) => {
        const known = openedStores.get(other)
        return known?.store === store ? [known.state] : []
      })
      return states.length < others.length ? undefined : snapshotsOf([state, ...states])
    },
  }
  openedStores.set(opened, of)
  return opened
}

function snapshotOf(store: StoreServer, ask: AskStore, seen: VersionState): ReadSnapshot {
  return {
    checkpoints: checkpointsOf(store, seen),
    anyParked: seen.parked.size > 0,
    parkedAmong: (keys) => ask('parked', false, () => keys.filter((key) => seen.parked.has(key))),
    reader: readerOf(ask, () => seen),
    release: () => undefined,
  }
}

/** As the port says; whoever looks after the store hears of what is found. */
function held(
  store: StoreServer,
  { version }: AnyProjectionDef,
  state: VersionState,
  after: bigint,
  through: bigint,
): boolean {
  const found = holdsBetween(state, after, through)
  if (found) store.onLostData(version)
  return found
}

/** Notes what checks need to know of a batch, and says it. */
function note(store: StoreServer, projection: AnyProjectionDef, batch: ApplyBatch): void {
  const name = projection.name as string
  const at = store.simulation.kernel.nowMs
  for (const { key } of batch.park) store.parkedAt.push({ projection: name, key, at })
  store.simulation.say(store.server.name, () => {
    const moves = batch.moves.map(
      ({ range, from, to, fence }) => `${range}: ${from ?? 'none'} → ${to} (fence ${fence})`,
    )
    const changes = batch.changes.map(({ key, position }) => `${key}@${position}`)
    const parked = batch.park.map(({ key, positions }) => `parked ${key}@${positions.join()}`)
    const what = [...moves, ...changes, ...parked].join(', ')
    return `apply ${projection.name} v${projection.version}: ${what}`
  })
}

/** What queries see now. */
function shownOf(store: StoreServer, state: VersionState): VersionState {
  if (store.tuning.refreshMs === 0) return state
  return state.shown ?? new VersionState(state.shape)
}

function checkpointsOf(store: StoreServer, state: VersionState): ReadonlyMap<number, Checkpoint> {
  const shown = store.tuning.refreshMs === 0 ? state : shownOf(store, state)
  return new Map(
    [...state.checkpoints].map(([range, checkpoint]) => [
      range,
      { ...checkpoint, visible: shown.checkpoints.get(range)?.position ?? 0n },
    ]),
  )
}

function documentsOf(
  state: VersionState,
  keys: readonly string[],
): ReadonlyMap<string, StoredDocument> {
  const found = new Map<string, StoredDocument>()
  for (const key of keys) {
    const stored = state.documents.get(key)
    if (stored?.text !== undefined)
      found.set(key, { document: JSON.parse(stored.text), position: stored.position })
  }
  return found
}

function dumpOf(state: VersionState): { key: string; document: unknown }[] {
  return [...state.documents]
    .flatMap(([key, { text }]) => (text === undefined ? [] : [{ key, document: JSON.parse(text) }]))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

function parkedOf(state: VersionState, keys: readonly string[] | undefined): ParkedKey[] {
  return [...state.parked].flatMap(([key, { positions, failure, sinceMs }]) =>
    keys === undefined || keys.includes(key)
      ? [{ key, firstPosition: positions[0]!, events: positions.length, failure, sinceMs }]
      : [],
  )
}

function textOf({ key, document }: DocumentChange): string | undefined {
  if (document === null) return undefined
  const text: string | undefined = JSON.stringify(document)
  if (text === undefined)
    throw new TailraceError('DOCUMENT_UNSTORABLE', `expected JSON under "${key}"`, {
      details: { key },
    })
  return text
}

function put(state: VersionState, change: DocumentChange, versioned: boolean): void {
  const { key, position } = change
  const stored = state.documents.get(key)
  if (versioned && stored !== undefined && stored.position >= position) return
  const text = textOf(change)
  if (text === undefined && !versioned) state.documents.delete(key)
  else state.documents.set(key, { text, position })
}

function putRow(state: VersionState, { position, ordinal, row }: ApplyBatch['rows'][number]): void {
  state.rows.set(`${position}/${ordinal}`, { position, text: JSON.stringify(row) })
}

function applyAtOnce(
  store: StoreServer,
  state: VersionState,
  batch: ApplyBatch,
  history: string,
): void {
  assertMoves(state, batch.moves, history)
  assertParked(state, batch.park)
  for (const change of batch.changes) textOf(change)
  for (const change of batch.changes) put(state, change, false)
  for (const row of batch.rows) putRow(state, row)
  for (const entry of batch.park) putParked(state, entry, store.nowMs())
  for (const move of batch.moves) makeMove(state, move, history, store.nowMs())
  store.changed()
}

/** Data first, piece by piece; the checkpoints last. What was written stays, whatever happens in between. */
async function applyInParts(
  store: StoreServer,
  projection: AnyProjectionDef,
  batch: ApplyBatch,
  history: string,
): Promise<void> {
  const state = versionOf(store, projection)
  assertMoves(state, batch.moves, history)
  assertParked(state, batch.park)
  const slow = store.random.chance(store.tuning.torn)
  const pieces: (() => void)[] = [
    ...batch.changes.map((change) => () => put(state, change, true)),
    ...batch.rows.map((row) => () => putRow(state, row)),
  ]
  for (const piece of store.random.shuffled(pieces)) {
    if (slow && !(await store.aMoment())) throw torn()
    piece()
    store.changed()
    if (slow && store.breaksOff()) throw torn()
  }
  if (slow && !(await store.aMoment())) throw torn()
  assertMoves(state, batch.moves, history)
  assertParked(state, batch.park)
  for (const entry of batch.park) putParked(state, entry, store.nowMs())
  for (const move of batch.moves) makeMove(state, move, history, store.nowMs())
  store.changed()
}

function torn(): TailraceError {
  return new TailraceError('UNAVAILABLE', 'expected the whole batch to be written, got a part', {
    retryable: true,
  })
}

function resolveParked(
  store: StoreServer,
  state: VersionState,
  { key, seen, changes, rows, remaining, failure }: ParkResolution,
): void {
  const found = state.parked.get(key)
  if ((found?.positions ?? []).join() !== seen.join()) throw parkedKeyChanged(key)
  for (const change of changes) put(state, change, store.tuning.guarantee !== 'transactional')
  for (const row of rows) putRow(state, row)
  if (remaining.length === 0) state.parked.delete(key)
  else
    state.parked.set(key, { ...found!, positions: remaining, failure: failure ?? found!.failure })
  store.changed()
}

function assertLoading({ loading }: VersionState, fence: bigint): void {
  if (loading <= fence) return
  throw new TailraceError('PROJECTION_FENCED', `expected fence ${fence}, got a load of ${loading}`)
}

function assertLoader({ loader }: VersionState, own: symbol): void {
  if (loader === own) return
  throw new TailraceError('PROJECTION_FENCED', 'expected to be the last load, got one after it')
}

/** All or nothing where the store can; else the checkpoints last, so that a broken load reads as not started. */
async function bulkLoad(
  store: StoreServer,
  ask: AskStore,
  projection: AnyProjectionDef,
  pages: AsyncIterable<readonly DocumentChange[]>,
  moves: readonly CheckpointMove[],
  history: string,
): Promise<void> {
  const say = (what: string): void =>
    store.simulation.say(
      store.server.name,
      () => `bulk ${what} ${projection.name} v${projection.version}`,
    )
  const fence = moves[0]?.fence ?? 0n
  const own = Symbol('load')
  store.simulation.marks.sometimes('a version is loaded in bulk')
  await ask('bulk begin', true, () => {
    say('begin')
    const state = versionOf(store, projection)
    if (state.checkpoints.size > 0)
      throw new TailraceError('PROJECTION_FENCED', 'expected an empty version, got checkpoints')
    assertLoading(state, fence)
    state.loading = fence
    state.loader = own
    state.documents.clear()
  })
  const loaded: DocumentChange[] = []
  for await (const page of pages) {
    loaded.push(...page)
    if (store.tuning.guarantee === 'transactional') continue
    await ask('bulk page', true, () => {
      say(`page of ${page.length}`)
      assertLoader(versionOf(store, projection), own)
      return loadPage(store, projection, page)
    })
  }
  await ask('bulk end', true, () => {
    say('end')
    const state = versionOf(store, projection)
    assertLoader(state, own)
    assertMoves(state, moves, history)
    if (store.tuning.guarantee === 'transactional')
      for (const change of loaded) put(state, change, false)
    for (const move of moves) makeMove(state, move, history, store.nowMs())
    store.changed()
  })
}

/** What was looked at before is not looked at again: another load may begin while this page is on its way. */
async function loadPage(
  store: StoreServer,
  projection: AnyProjectionDef,
  page: readonly DocumentChange[],
): Promise<void> {
  const slow = store.random.chance(store.tuning.torn)
  for (const change of page) {
    if (slow && !(await store.aMoment())) throw torn()
    put(versionOf(store, projection), change, true)
    store.changed()
  }
}
