import { TailraceError } from 'tailrace/adapter'
import { versionedLine, type BulkLine, type BulkWriter } from './bulk-writer.ts'
import { unstorable, type StoredSource } from './document-codec.ts'
import { notDeleted, type DocsPlace, type EncodedChange, type Query } from './docs-place.ts'
import type { DocumentField } from './document-fields.ts'
import type { EngineClient } from './engine-client.ts'
import { refreshIndex } from './index-admin.ts'
import { keptSince, sliceMs, sliceOf, type SliceOptions } from './slice-calendar.ts'
import { noSlice, type SliceIndices } from './slice-indices.ts'
import type { SliceList } from './slice-list.ts'
import { loadAlias, type LoadTurn } from './load-turn.ts'
import { multiGetIn, type Found } from './multi-get.ts'

export interface SlicedIndicesOptions {
  readonly client: EngineClient
  readonly writer: BulkWriter
  readonly docs: string
  readonly slice: SliceOptions
  /** The field of `slice.by`. */
  readonly field: DocumentField
  readonly indices: SliceIndices
  readonly list: SliceList
}

/** Keys whose slice is remembered: without it a key is looked for in every slice. */
const rememberedMax = 200_000
/** Documents may be dated so far ahead: each day or week of it may become an index. */
const aheadMs = 35 * 86_400_000
const dropEveryMs = 60_000

/**
 * The documents of a version in an index per week or day of a date that each of them has. A document stays in the slice
 * that it was first written to. What is too old is not shown, by the exact instant, and is dropped slice by slice; a late
 * document of a slice that is gone is left out.
 */
export class SlicedIndices implements DocsPlace {
  readonly target: string
  readonly everything: string
  readonly #options: SlicedIndicesOptions
  readonly #sliceOf = new Map<string, string>()
  /** Of the last load: not there, so that a write need not look again. */
  #absent: ReadonlySet<string> = new Set()
  #droppedAt = Number.NEGATIVE_INFINITY

  constructor(options: SlicedIndicesOptions) {
    this.#options = options
    this.target = `${options.docs}.d*`
    this.everything = `${options.docs}.d*,${options.docs}.${noSlice}*`
  }

  conditions(): readonly Query[] {
    const since = new Date(keptSince(Date.now(), this.#options.slice)).toISOString()
    return [notDeleted, { range: { [`doc.${this.#options.field.name}`]: { gte: since } } }]
  }

  hides({ tr, doc }: StoredSource): boolean {
    const at = Date.parse(String(doc?.[this.#options.field.name]))
    return tr.deleted === true || !(at >= keptSince(Date.now(), this.#options.slice))
  }

  async load(ids: readonly string[]): Promise<ReadonlyMap<string, StoredSource>> {
    const found = await this.#find(ids)
    this.#absent = new Set(ids.filter((id) => !found.has(id)))
    return new Map([...found].map(([id, { source }]) => [id, source]))
  }

  async write(changes: readonly EncodedChange[], load?: LoadTurn): Promise<void> {
    const now = Date.now()
    const unknown = changes
      .map(({ id }) => id)
      .filter((id) => !this.#sliceOf.has(id) && !this.#absent.has(id))
    if (unknown.length > 0) await this.#find(unknown)
    const parts = new Map<string, BulkLine[]>()
    for (const change of changes) {
      const slice = this.#destination(change, now, load !== undefined)
      if (slice === undefined) continue
      const { key, id, position, source } = change
      const part = parts.get(slice) ?? []
      parts.set(slice, part)
      part.push(versionedLine(key, id, position, source))
      this.#remember(id, slice)
    }
    this.#absent = new Set()
    const { indices, list, writer } = this.#options
    const listed = parts.size === 0 ? [] : await list.read()
    for (const [slice, lines] of parts) {
      if (!listed.includes(slice)) await indices.make(slice, load)
      const alias = indices.writeAliasOf(slice)
      await writer.write(load === undefined ? alias : loadAlias(alias, load), lines)
    }
    await this.#dropIfDue(now)
  }

  refresh(): Promise<void> {
    return refreshIndex(this.#options.client, this.target)
  }

  beginLoad(load: LoadTurn): Promise<void> {
    this.#sliceOf.clear()
    return this.#options.indices.beginLoad(load)
  }

  endLoad(load: LoadTurn): Promise<void> {
    return this.#options.indices.endLoad(load)
  }

  /** Where a change is written; undefined: nowhere, its slice is gone. Throws `DOCUMENT_UNSTORABLE`. */
  #destination(
    { key, id, document }: EncodedChange,
    now: number,
    loading: boolean,
  ): string | undefined {
    const { slice, field, indices } = this.#options
    const known = this.#sliceOf.get(id)
    if (document === null) return known ?? noSlice
    const at = Date.parse(String((document as Record<string, unknown>)[field.property]))
    if (Number.isNaN(at))
      throw unstorable(key, `no time in "${slice.by}", by which its ${slice.every} is chosen`)
    const own = sliceOf(at, slice.every)
    if (known !== undefined && known !== noSlice && known !== own)
      throw unstorable(
        key,
        `"${slice.by}" moved from the ${slice.every} of ${known} to that of ${own}; it must stay in one`,
      )
    if (at > now + aheadMs + sliceMs(slice.every))
      throw unstorable(key, `"${slice.by}" more than 35 days ahead`)
    if (!indices.isExpired(own, now)) return own
    // A bulk load is compared with what was folded: it must hold all of it, or not be one.
    if (loading) throw unstorable(key, 'a document older than what is kept')
    return undefined
  }

  /** Looks in the slice that a key is known to be in, else in all of them; the newest of several counts. */
  async #find(ids: readonly string[]): Promise<Map<string, Found>> {
    const { list, indices, client } = this.#options
    const slices = await list.read()
    const certain = ids.filter((id) => slices.includes(this.#sliceOf.get(id) ?? ''))
    const wanted = certain.map((id) => ({ index: indices.indexOf(this.#sliceOf.get(id)!), id }))
    const found = await multiGetIn(client, wanted)
    const left = ids.filter((id) => !found.has(id))
    const everywhere = slices.flatMap((slice) =>
      left.map((id) => ({ index: indices.indexOf(slice), id })),
    )
    for (const [id, one] of await multiGetIn(client, everywhere)) found.set(id, one)
    for (const slice of slices)
      for (const [id, { index }] of found)
        if (index === indices.indexOf(slice)) this.#remember(id, slice)
    for (const id of left) if (!found.has(id)) this.#sliceOf.delete(id)
    return found
  }

  #remember(id: string, slice: string): void {
    this.#sliceOf.delete(id)
    this.#sliceOf.set(id, slice)
    if (this.#sliceOf.size > rememberedMax) this.#sliceOf.delete(this.#sliceOf.keys().next().value!)
  }

  async #dropIfDue(now: number): Promise<void> {
    if (performance.now() - this.#droppedAt < dropEveryMs) return
    this.#droppedAt = performance.now()
    await this.#options.indices.dropExpired(now)
    await this.#options.indices.showIfLive()
  }
}

/** The field by which a projection is sliced. Throws `CONFIG`. */
export function sliceField(
  projection: string,
  { by, every, keepDays }: SliceOptions,
  fields: readonly DocumentField[],
): DocumentField {
  const fail = (text: string): never => {
    throw new TailraceError('CONFIG', `${text} in the slices of projection "${projection}"`)
  }
  const field = fields.find(({ property }) => property === by)
  if (field === undefined || field.kind !== 'date' || field.list)
    return fail(`expected "by" to name a date-time of the document schema, got "${by}"`)
  if (every !== 'week' && every !== 'day')
    return fail(`expected "every" to be "week" or "day", got ${JSON.stringify(every)}`)
  const kept = (keepDays * 86_400_000) / sliceMs(every)
  if (!Number.isSafeInteger(keepDays) || keepDays < 1 || kept > 400)
    return fail(`expected "keepDays" from 1 and at most 400 slices, got ${keepDays}`)
  return field
}
