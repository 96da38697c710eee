import { notDeleted } from './docs-place.ts'
import type { EngineClient } from './engine-client.ts'
import { createIndex, deleteIndices, indexNames, removeAlias } from './index-admin.ts'
import { liveSettings, type IndexBody } from './index-body.ts'
import { makeForLoad } from './load-index.ts'
import type { LoadMark } from './load-mark.ts'
import { loadAlias, type LoadTurn } from './load-turn.ts'
import { sliceEnd, keptSince, type SliceOptions } from './slice-calendar.ts'
import type { SliceList } from './slice-list.ts'
import type { StoreSettings } from './store-options.ts'

export interface SliceIndicesOptions {
  readonly client: EngineClient
  readonly list: SliceList
  /** What the names of the indices begin with. */
  readonly docs: string
  readonly body: IndexBody
  readonly settings: StoreSettings
  readonly slice: SliceOptions
  /** The alias of the live documents, and whether this version is the live one. */
  readonly alias: string
  readonly isLive: () => Promise<boolean>
  readonly mark: LoadMark
}

/** Deletions of documents that have no slice: made and deleted within one batch. */
export const noSlice = 'none'

/** The indices of the slices: made before the first document of each, dropped when all of it is too old. */
export class SliceIndices {
  readonly #options: SliceIndicesOptions

  constructor(options: SliceIndicesOptions) {
    this.#options = options
  }

  indexOf(slice: string): string {
    return `${this.#options.docs}.${slice === noSlice ? slice : `d${slice}`}`
  }

  /** The alias that only writers use. */
  writeAliasOf(slice: string): string {
    return `${this.indexOf(slice)}.write`
  }

  isExpired(slice: string, nowMs: number): boolean {
    const { every } = this.#options.slice
    return slice !== noSlice && sliceEnd(slice, every) <= keptSince(nowMs, this.#options.slice)
  }

  async make(slice: string, load?: LoadTurn): Promise<void> {
    const { client, body, list } = this.#options
    const [index, alias] = [this.indexOf(slice), this.writeAliasOf(slice)]
    if (load === undefined) await createIndex(client, index, body, [alias])
    else await makeForLoad(client, index, body, alias, load)
    await list.add(slice, load)
    await this.showIfLive()
  }

  /** Gives the alias of the live documents to every slice. */
  async showIfLive(): Promise<void> {
    const { client, alias, isLive, docs } = this.#options
    if (!(await isLive())) return
    const names = await indexNames(client, `${docs}.d*`)
    const actions = names.map((index) => ({ add: { index, alias, filter: notDeleted } }))
    if (actions.length > 0) await client.request('POST', '/_aliases', { actions }, { allow: [404] })
  }

  /** Drops what is too old, also what an earlier attempt left behind. */
  async dropExpired(nowMs: number): Promise<void> {
    const { client, list, docs } = this.#options
    const names = await indexNames(client, `${docs}.d*`)
    const slices = names.map((name) => name.slice(`${docs}.d`.length))
    const expired = slices.filter((slice) => this.isExpired(slice, nowMs))
    if (expired.length === 0) return
    await list.remove(expired)
    await deleteIndices(
      client,
      expired.map((slice) => this.indexOf(slice)),
    )
  }

  async beginLoad(load: LoadTurn): Promise<void> {
    const { client, list, docs, mark } = this.#options
    await list.clear(load)
    await mark.remove(load, () => indexNames(client, `${docs}.d*,${docs}.${noSlice}*`))
  }

  async endLoad(load: LoadTurn): Promise<void> {
    const { client, docs } = this.#options
    await this.#restore()
    for (const index of await indexNames(client, `${docs}.d*,${docs}.${noSlice}*`))
      await removeAlias(client, index, loadAlias(`${index}.write`, load))
  }

  /** A load that ended early leaves indices without searches and copies. */
  async repair(): Promise<void> {
    const { client, docs } = this.#options
    const { body } = await client.request('GET', `/${docs}.d*/_settings/index.refresh_interval`)
    const intervals = Object.values(body as Record<string, Described>).map(
      ({ settings }) => settings.index?.refresh_interval,
    )
    if (intervals.includes('-1')) await this.#restore()
  }

  async #restore(): Promise<void> {
    const { client, docs, settings } = this.#options
    await client.request(
      'PUT',
      `/${docs}.d*/_settings`,
      { index: liveSettings(settings) },
      { allow: [404] },
    )
  }
}

interface Described {
  readonly settings: { readonly index?: { readonly refresh_interval?: string } }
}
