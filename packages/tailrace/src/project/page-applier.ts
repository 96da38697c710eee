import { isTailraceError } from '../errors.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import type {
  CheckpointMove,
  ParkEntry,
  ProjectionStore,
  StoredDocument,
} from '../ports/read-store.ts'
import type { CompiledProjection } from './compiled-projection.ts'
import type { DocumentCache } from './document-cache.ts'
import { errorText, foldBatch, type FoldedBatch } from './fold-batch.ts'
import type { ParkedSet } from './parked-set.ts'
import { planBatch, type BatchPlan, type KeySlots } from './plan-batch.ts'
import { sqlGroups } from './sql-groups.ts'

export interface PageApplierOptions {
  readonly compiled: CompiledProjection
  readonly store: ProjectionStore
  readonly parked: ParkedSet
  readonly cache: DocumentCache
  /** Undefined for scope 'log', where documents may mix streams. */
  readonly keySlots: KeySlots | undefined
  /** Whether documents may be ahead of the checkpoint, because the store writes them first. */
  readonly dataFirst: boolean
  /** Told of keys that were parked by failures of their own, after the write. */
  readonly onParked: (failures: readonly ParkedFailure[]) => void
}

export interface ParkedFailure {
  readonly key: string
  readonly error: string
}

/** Applies the events of one page with the moves of their ranges: one load, one fold in memory, one write. */
export class PageApplier {
  readonly #options: PageApplierOptions

  constructor(options: PageApplierOptions) {
    this.#options = options
  }

  get store(): ProjectionStore {
    return this.#options.store
  }

  plan(events: readonly RecordedEvent[]): BatchPlan {
    return planBatch(this.#options.compiled, events, this.#options.keySlots)
  }

  /** `moves` is asked right before the write, and again for a repetition; undefined abandons the page. */
  async apply(
    plan: BatchPlan,
    moves: () => readonly CheckpointMove[] | undefined,
  ): Promise<boolean> {
    const { compiled, parked } = this.#options
    const waiting = parked.isEmpty ? none : await parked.among(keysAndStreams(plan))
    return compiled.projection.shape === 'sql'
      ? this.#applySql(plan, waiting, moves)
      : this.#applyFold(plan, waiting, moves)
  }

  async #applySql(
    plan: BatchPlan,
    waiting: ReadonlySet<string>,
    moves: () => readonly CheckpointMove[] | undefined,
  ): Promise<boolean> {
    const { compiled, store, parked } = this.#options
    const groups = sqlGroups(compiled, plan, waiting)
    const wanted = moves()
    if (wanted === undefined) return false
    const failures = await store.applySql({ ...groups, moves: wanted })
    parked.add(groups.park.map((entry) => entry.key))
    parked.add(failures.map(({ group }) => groups.groups[group]!.key))
    this.#tell([
      ...failed(groups.park),
      ...failures.map(({ group, error }) => ({
        key: groups.groups[group]!.key,
        error: errorText(error),
      })),
    ])
    return true
  }

  async #applyFold(
    plan: BatchPlan,
    waiting: ReadonlySet<string>,
    moves: () => readonly CheckpointMove[] | undefined,
  ): Promise<boolean> {
    const { compiled, store, parked, dataFirst } = this.#options
    const documents =
      compiled.projection.shape === 'fold'
        ? await this.#load(plan.keys.filter((key) => !waiting.has(key)))
        : new Map()
    const condemned = new Map<string, unknown>()
    for (;;) {
      const folded = foldBatch({
        compiled,
        plan,
        documents,
        parked: waiting,
        condemned,
        skipApplied: dataFirst,
      })
      const wanted = moves()
      if (wanted === undefined) return false
      try {
        await store.apply({ ...folded, moves: wanted })
      } catch (error) {
        const key = unstorableKey(error, plan)
        // Each repetition condemns another key of the batch, so there are at most as many as keys.
        if (key === undefined || condemned.has(key)) throw error
        condemned.set(key, error)
        continue
      }
      this.#remember(folded)
      parked.add(folded.park.map((entry) => entry.key))
      this.#tell(failed(folded.park))
      return true
    }
  }

  #tell(failures: readonly ParkedFailure[]): void {
    if (failures.length > 0) this.#options.onParked(failures)
  }

  async #load(keys: readonly string[]): Promise<Map<string, StoredDocument>> {
    const { store, cache } = this.#options
    const missing = keys.filter((key) => !cache.has(key))
    const documents = new Map(missing.length === 0 ? [] : await store.load(missing))
    for (const key of keys) {
      const cached = cache.has(key) ? cache.get(key) : undefined
      if (cached !== undefined) documents.set(key, cached)
    }
    return documents
  }

  #remember(folded: FoldedBatch): void {
    const { cache } = this.#options
    for (const { key, document, position } of folded.changes)
      cache.set(key, document === null ? undefined : { document, position })
    // A parked key is settled by others.
    for (const { key } of folded.park) cache.delete(key)
  }
}

const none: ReadonlySet<string> = new Set()

function keysAndStreams(plan: BatchPlan): string[] {
  return [...plan.keys, ...plan.events.map((event) => event.streamKey)]
}

/** The key to park: of the document, or of the event whose row it is. */
function unstorableKey(error: unknown, plan: BatchPlan): string | undefined {
  if (!isTailraceError(error) || error.code !== 'DOCUMENT_UNSTORABLE') return undefined
  const { key, position } = error.details
  if (typeof key === 'string') return key
  return plan.events.find((event) => event.position === position)?.keys[0]
}

/** Those that failed themselves: followers only join their key. */
function failed(entries: readonly ParkEntry[]): ParkedFailure[] {
  return entries.flatMap(({ key, failure }) =>
    failure === undefined ? [] : [{ key, error: failure.error }],
  )
}
