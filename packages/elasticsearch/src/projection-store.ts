import {
  isTailraceError,
  TailraceError,
  type ApplyBatch,
  type Checkpoint,
  type CheckpointMove,
  type DocumentChange,
  type ParkResolution,
  type ProjectionStore,
  type StoredDocument,
} from 'tailrace/adapter'
import type { CheckpointRecord } from './checkpoint-record.ts'
import { encodedChange, type DocsPlace } from './docs-place.ts'
import { decodeDocument } from './document-codec.ts'
import type { DocumentField } from './document-fields.ts'
import { documentReader, type ReaderContext } from './document-reader.ts'
import { idOfKey, keyOfText } from './key-id.ts'
import type { LoadMark } from './load-mark.ts'
import type { LoadTurn } from './load-turn.ts'
import type { ParkedKeys } from './parked-keys.ts'
import { allDocuments } from './all-documents.ts'
import type { TombstonePurge } from './tombstone-purge.ts'
import type { Visibility } from './visibility.ts'

export interface ProjectionParts {
  readonly where: string
  readonly fields: readonly DocumentField[]
  readonly place: DocsPlace
  readonly mark: LoadMark
  readonly checkpoints: CheckpointRecord
  readonly parked: ParkedKeys
  readonly visibility: Visibility
  readonly purge: TombstonePurge
  readonly reading: ReaderContext
}

/** One projection version: its documents, written before the checkpoint that counts them, and its small documents beside. */
export class ElasticsearchProjection implements ProjectionStore {
  readonly #parts: ProjectionParts
  /** Writers of one process take turns: then the first moves the checkpoint, and the second finds it moved. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: ProjectionParts) {
    this.#parts = parts
  }

  checkpoints(): Promise<ReadonlyMap<number, Checkpoint>> {
    return this.#parts.visibility.checkpoints()
  }

  /** See the port: makes visible to searches what is written now. */
  makeVisible(): Promise<void> {
    return this.#parts.visibility.show()
  }

  async load(keys: readonly string[]): Promise<ReadonlyMap<string, StoredDocument>> {
    const { place, checkpoints, fields } = this.#parts
    const found = new Map<string, StoredDocument>()
    if (keys.length === 0) return found
    // The checkpoints come along: what is then written finds them as fresh as the documents.
    const [sources] = await Promise.all([place.load(keys.map(idOfKey)), checkpoints.read()])
    for (const key of keys) {
      const source = sources.get(idOfKey(key))
      if (source === undefined) continue
      const position = BigInt(source.tr.position)
      found.set(key, { document: decodeDocument(fields, source), position })
    }
    return found
  }

  async apply({ moves, changes, rows, park }: ApplyBatch): Promise<void> {
    if (rows.length > 0) throw noRows(this.#parts.where)
    const encoded = changes.map((change) => encodedChange(this.#parts.fields, change))
    await this.#inTurn(async () => {
      const { place, checkpoints, parked, purge } = this.#parts
      try {
        await checkpoints.check(moves, park.length > 0)
        if (park.length > 0) await parked.park(park)
        await place.write(encoded)
        if (moves.length > 0) await checkpoints.move(moves)
      } catch (error) {
        checkpoints.forget()
        throw error
      }
      await purge.runIfDue()
    })
  }

  applySql(): Promise<never> {
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected ${this.#parts.where} to be a fold, got SQL; bind it to PostgreSQL`,
    )
  }

  parked(keys?: readonly string[], limit = 1_000) {
    return this.#parts.parked.list(keys, limit)
  }

  parkedPositions(key: string): Promise<readonly bigint[]> {
    return this.#parts.parked.positions(key)
  }

  /** The documents first: settled again after a crash, they are found to hold the events already. */
  async resolveParked(resolution: ParkResolution): Promise<void> {
    const { place, parked, fields, where } = this.#parts
    if (resolution.rows.length > 0) throw noRows(where)
    const encoded = resolution.changes.map((change) => encodedChange(fields, change))
    await this.#inTurn(async () => {
      const checked = await parked.check(resolution)
      await place.write(encoded)
      await parked.settle(resolution, checked)
    })
  }

  async bulkLoad(
    pages: AsyncIterable<readonly DocumentChange[]>,
    moves: readonly CheckpointMove[],
  ): Promise<void> {
    const { checkpoints, visibility } = this.#parts
    const load = await checkpoints.beginLoad(moves[0]?.fence ?? 0n)
    try {
      await this.#load(load, pages)
      await checkpoints.move(moves, load.token)
    } catch (error) {
      // Who took over has removed what this one asks for. Where that cannot be found out, its own error says more.
      const told = await load.assertLast().catch((fenced: unknown) => fenced)
      throw isTailraceError(told) && told.code === 'PROJECTION_FENCED' ? told : error
    }
    await visibility.show()
  }

  async #load(load: LoadTurn, pages: AsyncIterable<readonly DocumentChange[]>): Promise<void> {
    const { place, checkpoints, fields, mark } = this.#parts
    await mark.set(load)
    if (load.older.length > 0) await checkpoints.forgetOlderLoads(load)
    await load.assertLast()
    await place.beginLoad(load)
    for await (const page of pages) {
      await load.assertLast()
      await place.write(
        page.map((change) => encodedChange(fields, change)),
        load,
      )
    }
    await load.assertLast()
    await place.endLoad(load)
    await place.refresh()
  }

  async holdsBetween(after: bigint, through: bigint): Promise<boolean> {
    const { place, parked, reading } = this.#parts
    if (await parked.anyBetween(after, through)) return true
    await place.refresh()
    const search = `/${place.everything}/_search?allow_partial_search_results=false`
    const { body } = await reading.client.request('POST', search, {
      size: 0,
      terminate_after: 1,
      query: { range: { 'tr.position': { gt: after.toString(), lte: through.toString() } } },
    })
    return (body.hits as { readonly total: { readonly value: number } }).total.value > 0
  }

  async *dump(): AsyncGenerator<readonly { readonly key: string; readonly document: unknown }[]> {
    const { place, fields, reading } = this.#parts
    await place.refresh()
    for await (const page of allDocuments(reading.client, place))
      yield page.map((source) => ({
        key: keyOfText(source.tr.key),
        document: decodeDocument(fields, source),
      }))
  }

  reader(): never {
    return documentReader(this.#parts.reading) as never
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#turn.catch(() => undefined)
    await this.#parts.visibility.settled()
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(body, body)
    this.#turn = result.catch(() => undefined)
    return result
  }
}

function noRows(where: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', `expected documents for ${where}, got rows`)
}
