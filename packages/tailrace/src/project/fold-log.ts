import type { EventLog } from '../ports/event-log.ts'
import type { DocumentChange, ParkEntry, ParkFailure, StoredDocument } from '../ports/read-store.ts'
import type { CompiledProjection, FoldHandler } from './compiled-projection.ts'
import { foldBatch } from './fold-batch.ts'
import { keyHash, keyHashes } from './key-hash.ts'
import type { Envelope } from '../declare/envelope.ts'
import { planBatch, type BatchPlan, type KeySlots, type PlannedEvent } from './plan-batch.ts'

export interface FoldLogOptions {
  readonly compiled: CompiledProjection
  readonly log: Pick<EventLog, 'scan'>
  readonly through: bigint
  /** Estimated bytes of documents held at once; with more, the log is read once more for the other half of the keys. */
  readonly memoryBytes: number
  readonly keySlots: KeySlots | undefined
  /** Whether keys that were deleted in the end are among the documents, as `null`. Default: no. */
  readonly deletions?: boolean
  /** Stops with an error when it throws; called after each page. */
  readonly onPage?: (position: bigint) => void
}

export interface FoldedPart {
  /** All documents of one part of the keys, in the order of keys; deleted keys as `null`, where they are asked for. */
  readonly documents: readonly DocumentChange[]
  readonly park: readonly ParkEntry[]
  /** Some documents as they come out event by event, to compare with; undefined: none. */
  readonly samples: ReadonlyMap<string, unknown>
}

interface HashRange {
  readonly from: number
  readonly to: number
}

/**
 * Folds the log from its beginning in memory, one part of the keys after the other: as many parts as the memory needs.
 * A part that grows too large gives half of its keys away to a later pass.
 */
export async function* foldLog(
  options: FoldLogOptions,
): AsyncGenerator<FoldedPart, void, undefined> {
  const todo: HashRange[] = [{ from: 0, to: keyHashes }]
  for (let range = todo.pop(); range !== undefined; range = todo.pop()) {
    const pass = new FoldPass(options, range)
    for await (const page of options.log.scan({
      after: 0n,
      through: options.through,
      types: options.compiled.types,
    })) {
      pass.add(planBatch(options.compiled, page.events, options.keySlots))
      while (pass.tooLarge()) todo.push(pass.giveHalf())
      options.onPage?.(page.through)
    }
    yield pass.result()
  }
}

/** A parsed document takes about three times the bytes of its text, and its entry some more. */
const bytesPerTextByte = 3
const bytesPerEntry = 300
const sampleEvery = 64
/** Keys of each part that are folded a second time, in the plainest way. */
const checkedMax = 64

class FoldPass {
  readonly #options: FoldLogOptions
  readonly #documents = new Map<string, StoredDocument>()
  /** Where keys were deleted last, as far as that is asked for. */
  readonly #deleted = new Map<string, bigint>()
  readonly #parked = new Map<
    string,
    { readonly positions: bigint[]; readonly failure: ParkFailure | undefined }
  >()
  readonly #parkedKeys = new Set<string>()
  readonly #checkedStreams = new Set<string>()
  readonly #checked = new Map<string, { document: unknown; parked: boolean }>()
  #range: HashRange
  #changes = 0
  #sampledBytes = 0
  #samples = 0

  constructor(options: FoldLogOptions, range: HashRange) {
    this.#options = options
    this.#range = range
  }

  add(plan: BatchPlan): void {
    const mine = this.#mine(plan)
    for (const event of mine.events) this.#check(event)
    const { changes, park } = foldBatch({
      compiled: this.#options.compiled,
      plan: mine,
      documents: this.#documents,
      parked: this.#parkedKeys,
    })
    for (const { key, document, position } of changes) {
      if (document === null) this.#delete(key, position)
      else this.#set(key, { document, position })
      if (this.#changes++ % sampleEvery === 0) this.#sample(document)
    }
    for (const { key, positions, failure } of park) {
      const before = this.#parked.get(key)
      if (before === undefined) this.#parked.set(key, { positions: [...positions], failure })
      else before.positions.push(...positions)
      this.#parkedKeys.add(key)
    }
  }

  #set(key: string, stored: StoredDocument): void {
    this.#documents.set(key, stored)
    this.#deleted.delete(key)
  }

  #delete(key: string, position: bigint): void {
    this.#documents.delete(key)
    if (this.#options.deletions === true) this.#deleted.set(key, position)
  }

  tooLarge(): boolean {
    const bytesPerDocument =
      bytesPerEntry +
      (this.#samples === 0 ? 0 : (this.#sampledBytes / this.#samples) * bytesPerTextByte)
    const bytes = this.#documents.size * bytesPerDocument + this.#deleted.size * bytesPerEntry
    return (
      bytes > this.#options.memoryBytes &&
      this.#range.to - this.#range.from > 1 &&
      this.#documents.size + this.#deleted.size > 1
    )
  }

  /** Drops the upper half of the keys and says which they are. */
  giveHalf(): HashRange {
    const middle = Math.floor((this.#range.from + this.#range.to) / 2)
    const given = { from: middle, to: this.#range.to }
    this.#range = { from: this.#range.from, to: middle }
    for (const known of [this.#documents, this.#deleted])
      for (const key of known.keys()) if (!this.#owns(key)) known.delete(key)
    for (const key of this.#parkedKeys)
      if (!this.#owns(key) && !isStreamKey(key)) this.#parkedKeys.delete(key)
    return given
  }

  result(): FoldedPart {
    const documents = [...this.#documents].map(([key, { document, position }]): DocumentChange => ({
      key,
      document,
      position,
    }))
    for (const [key, position] of this.#deleted) documents.push({ key, document: null, position })
    documents.sort((a, b) => (a.key < b.key ? -1 : 1))
    const park = [...this.#parked].flatMap(([key, entry]) =>
      this.#owns(key) ? [{ key, ...entry }] : [],
    )
    const checked = [...this.#checked].filter(([key]) => this.#owns(key))
    const samples = new Map(
      checked.map(([key, { document }]): [string, unknown] => [key, document]),
    )
    return { documents, park, samples }
  }

  /** Events with the keys of this part. Failures to tell keys stay in every part: all documents of the stream wait. */
  #mine(plan: BatchPlan): BatchPlan {
    if (this.#range.from === 0 && this.#range.to === keyHashes) return plan
    const waiting = new Set<string>()
    const events = plan.events.flatMap((event) => {
      if (event.failure !== undefined) waiting.add(event.streamKey)
      if (event.failure !== undefined) return [event]
      const keys = event.keys.filter((key) => this.#owns(key))
      if (keys.length > 0) return [{ ...event, keys }]
      // It waits behind its stream, in the part that keeps the stream's list.
      const behind = waiting.has(event.streamKey) || this.#parkedKeys.has(event.streamKey)
      return behind && this.#owns(event.streamKey) ? [event] : []
    })
    return { keys: plan.keys.filter((key) => this.#owns(key)), events }
  }

  /** Folds the first keys that come along once more, event by event and without batches. */
  #check(event: PlannedEvent): void {
    if (event.envelope === undefined) this.#checkedStreams.add(event.streamKey)
    // All documents of a stream wait from the first event that does not say which they are.
    const waits = this.#checkedStreams.has(event.streamKey)
    for (const key of event.keys) {
      const entry = this.#checked.get(key) ?? this.#checkNext(key)
      if (entry === undefined || entry.parked) continue
      entry.parked = waits
      if (!waits) this.#checkFold(event.envelope!, key, entry)
    }
  }

  #checkNext(key: string): { document: unknown; parked: boolean } | undefined {
    if (this.#checked.size >= checkedMax || isStreamKey(key)) return undefined
    const entry = { document: undefined, parked: false }
    this.#checked.set(key, entry)
    return entry
  }

  #checkFold(event: Envelope, key: string, entry: { document: unknown; parked: boolean }): void {
    try {
      const next = this.#options.compiled.handler<FoldHandler>(event.type)(
        event,
        entry.document,
        key,
      )
      if (next !== undefined) entry.document = next ?? undefined
    } catch {
      entry.parked = true
    }
  }

  #owns(key: string): boolean {
    const hash = keyHash(key)
    return hash >= this.#range.from && hash < this.#range.to
  }

  #sample(document: unknown): void {
    this.#sampledBytes += JSON.stringify(document)?.length ?? 0
    this.#samples++
  }
}

function isStreamKey(key: string): boolean {
  return key.startsWith('@stream:')
}
