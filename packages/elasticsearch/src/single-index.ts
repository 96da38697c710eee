import type { BulkWriter } from './bulk-writer.ts'
import { versionedLine } from './bulk-writer.ts'
import type { StoredSource } from './document-codec.ts'
import { notDeleted, type DocsPlace, type EncodedChange } from './docs-place.ts'
import type { EngineClient } from './engine-client.ts'
import { liveSettings, type IndexBody } from './index-body.ts'
import type { VersionNames } from './index-names.ts'
import { indexNames, refreshIndex, removeAlias } from './index-admin.ts'
import { makeForLoad } from './load-index.ts'
import type { LoadMark } from './load-mark.ts'
import { loadAlias, type LoadTurn } from './load-turn.ts'
import { multiGet } from './multi-get.ts'
import type { StoreSettings } from './store-options.ts'

export interface SingleIndexOptions {
  readonly client: EngineClient
  readonly writer: BulkWriter
  readonly names: VersionNames
  readonly body: IndexBody
  readonly settings: StoreSettings
  readonly mark: LoadMark
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

  write(changes: readonly EncodedChange[], load?: LoadTurn): Promise<void> {
    const lines = changes.map(({ key, id, position, source }) =>
      versionedLine(key, id, position, source),
    )
    const { docsWrite } = this.#options.names
    const alias = load === undefined ? docsWrite : loadAlias(docsWrite, load)
    return this.#options.writer.write(alias, lines)
  }

  refresh(): Promise<void> {
    return refreshIndex(this.#options.client, this.target)
  }

  /** An index made anew is empty at once, whatever was in the old one. */
  async beginLoad(load: LoadTurn): Promise<void> {
    const { client, names, body, mark } = this.#options
    await mark.remove(load, () => indexNames(client, names.docs))
    await makeForLoad(client, names.docs, body, names.docsWrite, load)
  }

  async endLoad(load: LoadTurn): Promise<void> {
    const { client, settings, names } = this.#options
    await client.request('PUT', `/${this.target}/_settings`, { index: liveSettings(settings) })
    await removeAlias(client, names.docs, loadAlias(names.docsWrite, load))
  }
}
