import type { BulkWriter } from './bulk-writer.ts'
import { versionedLine } from './bulk-writer.ts'
import type { StoredSource } from './document-codec.ts'
import { notDeleted, type DocsPlace, type EncodedChange } from './docs-place.ts'
import type { EngineClient } from './engine-client.ts'
import { loadingSettings, liveSettings, type IndexBody } from './index-body.ts'
import type { VersionNames } from './index-names.ts'
import { createIndex, refreshIndex } from './index-admin.ts'
import { multiGet } from './multi-get.ts'
import type { StoreSettings } from './store-options.ts'

export interface SingleIndexOptions {
  readonly client: EngineClient
  readonly writer: BulkWriter
  readonly names: VersionNames
  readonly body: IndexBody
  readonly settings: StoreSettings
}

/** All documents of a version in one index. */
export class SingleIndex implements DocsPlace {
  readonly target: string
  readonly everything: string
  readonly #options: SingleIndexOptions

  constructor(options: SingleIndexOptions) {
    this.#options = options
    this.target = options.names.docs
    this.everything = this.target
  }

  conditions() {
    return [notDeleted]
  }

  hides(source: StoredSource): boolean {
    return source.tr.deleted === true
  }

  load(ids: readonly string[]): Promise<ReadonlyMap<string, StoredSource>> {
    return multiGet(this.#options.client, this.target, ids)
  }

  write(changes: readonly EncodedChange[]): Promise<void> {
    const lines = changes.map(({ key, id, position, source }) =>
      versionedLine(key, id, position, source),
    )
    return this.#options.writer.write(this.#options.names.docsWrite, lines)
  }

  refresh(): Promise<void> {
    return refreshIndex(this.#options.client, this.target)
  }

  /** An index made anew is empty at once, whatever was in the old one. */
  async beginLoad(): Promise<void> {
    const { client, names, body } = this.#options
    await client.request('DELETE', `/${names.docs}`, undefined, { allow: [404] })
    const settings = { index: { ...(body.settings['index'] as object), ...loadingSettings } }
    await createIndex(client, names.docs, { ...body, settings }, [names.docsWrite])
  }

  async endLoad(): Promise<void> {
    const { client, settings } = this.#options
    await client.request('PUT', `/${this.target}/_settings`, { index: liveSettings(settings) })
  }
}
