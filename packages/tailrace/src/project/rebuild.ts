import type { AnyProjectionDef } from '../declare/projection.ts'
import { TailraceError } from '../errors.ts'
import type { EventLog } from '../ports/event-log.ts'
import type {
  CheckpointMove,
  DocumentChange,
  ParkEntry,
  ProjectionStore,
} from '../ports/read-store.ts'
import { compileProjection, type CompiledProjection } from './compiled-projection.ts'
import { canonicalText, Fingerprint } from './fingerprint.ts'
import { foldLog } from './fold-log.ts'
import { RecentKeySlots } from './recent-key-slots.ts'

export interface BuildOptions {
  readonly projection: AnyProjectionDef
  /** The new version, opened and empty. */
  readonly store: ProjectionStore
  readonly log: Pick<EventLog, 'scan'>
  /** Every range of the version, from nothing to `through`. */
  readonly ranges: readonly Omit<CheckpointMove, 'from' | 'to'>[]
  readonly through: bigint
  /** Estimated bytes of documents held in memory at once. Default: 128 MiB. */
  readonly memoryBytes?: number
  /**
   * Whether deleted keys are loaded too, for stores that remember them: a write of before the load that arrives late, of a
   * worker that lost its lease, must not bring one back. Default: no.
   */
  readonly deletions?: boolean
  /** Called after each page of the log and before each page of documents; the build ends with what it throws. */
  readonly onProgress?: (position: bigint) => void
}

export interface BuildReport {
  readonly documents: number
  readonly parkedKeys: number
  /** How often the log was read: once per part of the keys that fits the memory. */
  readonly passes: number
  readonly through: bigint
  /** Of all documents, independent of their order. */
  readonly checksum: string
}

const pageSize = 1_000

/**
 * Builds a fold version from the whole log in bulk: folded in bounded memory, loaded without indexes, all or nothing. It is
 * then read back and compared (count, checksum) and some documents are folded again. Throws `REBUILD_FAILED` on a difference.
 */
export async function buildVersion(options: BuildOptions): Promise<BuildReport> {
  const compiled = compileProjection(options.projection)
  const built = new Fingerprint()
  const park: ParkEntry[] = []
  const samples = new Map<string, unknown>()
  let passes = 0
  async function* pages(): AsyncGenerator<readonly DocumentChange[]> {
    for await (const part of foldLog({
      ...foldOptions(options, compiled),
      memoryBytes: options.memoryBytes ?? 128 * 1024 * 1024,
    })) {
      passes++
      park.push(...part.park)
      for (const [key, document] of part.samples) samples.set(key, document)
      for (let i = 0; i < part.documents.length; i += pageSize) {
        const page = part.documents.slice(i, i + pageSize)
        for (const { key, document } of page)
          if (document !== null) built.add(key, canonicalText(document))
        options.onProgress?.(options.through)
        yield page
      }
    }
    // Before the documents and checkpoints become visible: an event must not be lost in between.
    if (park.length > 0) await options.store.apply({ moves: [], changes: [], rows: [], park })
  }
  const moves = options.ranges.map((range): CheckpointMove => ({
    ...range,
    from: undefined,
    to: options.through,
  }))
  await options.store.bulkLoad(pages(), moves)
  await verifyBuild(options, built, samples)
  return {
    documents: built.count,
    parkedKeys: park.length,
    passes,
    through: options.through,
    checksum: built.text,
  }
}

function foldOptions(options: BuildOptions, compiled: CompiledProjection) {
  const { projection, log, through, onProgress, deletions = false } = options
  return {
    compiled,
    log,
    through,
    deletions,
    keySlots: projection.scope === 'stream' ? new RecentKeySlots(200_000) : undefined,
    ...(onProgress === undefined ? {} : { onPage: onProgress }),
  }
}

/** So often a difference is looked at: of what others write at that moment, the checkpoint may come a little later. */
const looksMax = 3

/** What is in the store must be what was folded, and some documents what they are when folded event by event. */
async function verifyBuild(
  options: BuildOptions,
  built: Fingerprint,
  samples: ReadonlyMap<string, unknown>,
): Promise<void> {
  for (let look = 1; ; look++) {
    const got = await differenceOf(options.store, built, samples)
    // Workers of other ranges go on from the checkpoints of the load: what they have applied is no difference.
    if (got === undefined || (await isFollowed(options))) return
    if (look < looksMax) continue
    const { name, version } = options.projection
    throw new TailraceError(
      'REBUILD_FAILED',
      `expected the new version ${version} of projection "${name}" to hold what was folded, got ${got}; readers stay on the old version`,
    )
  }
}

async function isFollowed({ store, through }: BuildOptions): Promise<boolean> {
  const checkpoints = [...(await store.checkpoints()).values()]
  return checkpoints.some(({ position }) => position > through)
}

/** In words; undefined when there is none. */
async function differenceOf(
  store: ProjectionStore,
  built: Fingerprint,
  samples: ReadonlyMap<string, unknown>,
): Promise<string | undefined> {
  const found = new Fingerprint()
  const sampled = new Map<string, string>()
  for await (const page of store.dump()) {
    for (const { key, document } of page) {
      const text = canonicalText(document)
      found.add(key, text)
      if (samples.has(key)) sampled.set(key, text)
    }
  }
  if (found.count !== built.count) return `${found.count} documents instead of ${built.count}`
  if (found.text !== built.text) return `checksum ${found.text} instead of ${built.text}`
  for (const [key, document] of samples) {
    const wanted = document === undefined ? undefined : canonicalText(document)
    if (sampled.get(key) !== wanted)
      return `another document of key "${key}" when it was folded event by event`
  }
  return undefined
}
