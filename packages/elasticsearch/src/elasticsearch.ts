import {
  TailraceError,
  type AnyProjectionDef,
  type LogIdentityText,
  type LiveVersion,
  type ReadStore,
} from 'tailrace/adapter'
import { BulkWriter } from './bulk-writer.ts'
import { CheckpointRecord } from './checkpoint-record.ts'
import type { DocsPlace } from './docs-place.ts'
import { documentFields, type DocumentField } from './document-fields.ts'
import { checkEngine } from './engine-check.ts'
import { EngineClient } from './engine-client.ts'
import { docsBody, shapeOf } from './index-body.ts'
import { docsAlias, versionNames, type VersionNames } from './index-names.ts'
import { LoadMark } from './load-mark.ts'
import { nativeSearch, storeName } from './native-search.ts'
import { ParkedKeys } from './parked-keys.ts'
import { ElasticsearchProjection } from './projection-store.ts'
import { SingleIndex } from './single-index.ts'
import { SliceIndices } from './slice-indices.ts'
import { SliceList } from './slice-list.ts'
import { SlicedIndices, sliceField } from './sliced-indices.ts'
import { StateIndex } from './state-index.ts'
import { storeSettings, type ElasticsearchOptions, type StoreSettings } from './store-options.ts'
import { TombstonePurge } from './tombstone-purge.ts'
import {
  dropVersion,
  liveVersionOf,
  makeVersion,
  switchVersion,
  versionsOf,
} from './version-indices.ts'
import { Visibility } from './visibility.ts'

/**
 * Read models in OpenSearch or Elasticsearch: an index per projection version, found by filters, text and facets. Documents
 * carry their position, and an older one never overwrites a newer; what is written is visible to searches after a refresh.
 * Throws `CONFIG`.
 */
export function elasticsearch(options: ElasticsearchOptions): ReadStore {
  return new ElasticsearchStore(storeSettings(options))
}

/** Of an answer with one document, what is not the document. */
const answerFrameBytes = 8_192

class ElasticsearchStore implements ReadStore {
  readonly kind = 'read-store'
  readonly name = storeName
  readonly guarantee = 'versioned'
  readonly capabilities = {
    find: true,
    text: true,
    facets: true,
    sql: false,
    rows: false,
    visibleOnWrite: false,
  }
  readonly #settings: StoreSettings
  readonly #client: EngineClient
  readonly #opened = new Map<string, Promise<ElasticsearchProjection>>()
  #checked: Promise<unknown> | undefined
  #closed = false

  constructor(settings: StoreSettings) {
    this.#settings = settings
    this.#client = new EngineClient(settings)
  }

  async open(
    projection: AnyProjectionDef,
    history: LogIdentityText,
  ): Promise<ElasticsearchProjection> {
    checkShape(projection)
    const fields = documentFields(projection)
    const slice = this.#settings.slices[projection.name]
    if (slice !== undefined) sliceField(projection.name, slice, fields)
    const shape = shapeOf(projection, fields, this.#settings)
    // Other documents under the same version are another opening, which will be refused.
    const key = `${projection.name}/${projection.version}/${history}/${shape}`
    const known = this.#opened.get(key)
    if (known !== undefined && !this.#closed) return known
    const opening = this.#prepared(() =>
      this.#open(projection, history, fields, () => this.#opened.delete(key)),
    )
    this.#opened.set(key, opening)
    opening.catch(() => this.#opened.delete(key))
    return opening
  }

  liveVersion(projection: string): Promise<number | undefined> {
    return this.#prepared(() => liveVersionOf(this.#client, this.#settings.prefix, projection))
  }

  switchTo(projection: string, version: number, from?: LiveVersion): Promise<boolean> {
    return this.#prepared(() =>
      switchVersion(this.#client, this.#settings.prefix, projection, { version, from }),
    )
  }

  versions(projection: string): Promise<readonly number[]> {
    return this.#prepared(() => versionsOf(this.#client, this.#settings.prefix, projection))
  }

  drop(projection: string, version: number): Promise<void> {
    return this.#prepared(async () => {
      for (const key of this.#opened.keys())
        if (key.startsWith(`${projection}/${version}/`)) this.#opened.delete(key)
      await dropVersion(this.#client, this.#settings.prefix, projection, version)
    })
  }

  ping(): Promise<void> {
    return this.#prepared(async () => {
      await this.#client.request('GET', '/')
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#client.close()
    const opened = await Promise.allSettled(this.#opened.values())
    for (const one of opened) if (one.status === 'fulfilled') await one.value.settled()
  }

  /** Runs after the engine was found to be one that suits. */
  async #prepared<T>(body: () => Promise<T>): Promise<T> {
    if (this.#closed)
      throw new TailraceError(
        'ADAPTER_CLOSED',
        'expected an open Elasticsearch store, got a call after close()',
      )
    this.#checked ??= checkEngine(this.#client)
    await this.#checked.catch((error: unknown) => {
      this.#checked = undefined
      throw error
    })
    return body()
  }

  async #open(
    projection: AnyProjectionDef,
    history: LogIdentityText,
    fields: readonly DocumentField[],
    onGone: () => void,
  ): Promise<ElasticsearchProjection> {
    const settings = this.#settings
    const client = this.#client
    const names = versionNames(settings.prefix, projection.name, projection.version)
    await makeVersion(client, settings, projection, fields, names)
    const where = `projection "${projection.name}" version ${projection.version}`
    const state = new StateIndex(client, names, onGone)
    const mark = new LoadMark(client, names)
    const place = await this.#place(projection, fields, names, state, mark)
    const checkpoints = new CheckpointRecord(state, history, where)
    const searchMs = Math.min(settings.searchTimeoutMs, settings.timeoutMs)
    const native = nativeSearch({ client, place, fields, searchMs })
    return new ElasticsearchProjection({
      where,
      fields,
      place,
      mark,
      checkpoints,
      parked: new ParkedKeys(state),
      visibility: new Visibility({
        state,
        refresh: () => place.refresh(),
        everyMs: settings.refreshIntervalMs,
        isClosed: () => this.#closed,
      }),
      purge: new TombstonePurge({
        client,
        place,
        checkpoints,
        olderThanMs: settings.tombstoneMs,
      }),
      reading: {
        client,
        place,
        fields,
        byProperty: new Map(fields.map((field) => [field.property, field])),
        version: names.docs,
        searchMs,
        native: { store: storeName, client: native },
      },
    })
  }

  async #place(
    projection: AnyProjectionDef,
    fields: readonly DocumentField[],
    names: VersionNames,
    state: StateIndex,
    mark: LoadMark,
  ): Promise<DocsPlace> {
    const settings = this.#settings
    const client = this.#client
    const body = docsBody(fields, settings)
    const writer = new BulkWriter(client, {
      bytes: settings.bulkBytes,
      documentBytes: settings.answerBytes - answerFrameBytes,
      timeoutMs: settings.timeoutMs,
    })
    const slice = settings.slices[projection.name]
    if (slice === undefined) return new SingleIndex({ client, writer, names, body, settings, mark })
    const list = new SliceList(state)
    const { prefix } = settings
    const indices = new SliceIndices({
      client,
      list,
      docs: names.docs,
      body,
      settings,
      slice,
      mark,
      alias: docsAlias(prefix, projection.name),
      isLive: async () =>
        (await liveVersionOf(client, prefix, projection.name)) === projection.version,
    })
    await indices.repair()
    const field = sliceField(projection.name, slice, fields)
    return new SlicedIndices({ client, writer, docs: names.docs, slice, field, indices, list })
  }
}

function checkShape(projection: AnyProjectionDef): void {
  if (projection.shape === 'fold') return
  throw new TailraceError(
    'CONFIG',
    `expected projection "${projection.name}" to be a fold for the Elasticsearch store, got "${projection.shape}"; bind it to PostgreSQL`,
  )
}
