import { isTailraceError } from 'tailrace/adapter'
import type { CheckpointRecord } from './checkpoint-record.ts'
import type { DocsPlace } from './docs-place.ts'
import type { EngineClient } from './engine-client.ts'

export interface TombstonePurgeOptions {
  readonly client: EngineClient
  readonly place: DocsPlace
  readonly checkpoints: CheckpointRecord
  /** How old a deletion must be. */
  readonly olderThanMs: number
}

const everyMs = 60_000
const pageSize = 1_000

/**
 * Removes deletions that nobody needs any more: older than any writer could be late, and behind every checkpoint, so that
 * no event before them is folded again.
 */
export class TombstonePurge {
  readonly #options: TombstonePurgeOptions
  #ranAt: number

  constructor(options: TombstonePurgeOptions) {
    this.#options = options
    this.#ranAt = performance.now()
  }

  /** Once a minute at most, and a bounded number of them. What fails is tried again the next time. */
  async runIfDue(): Promise<void> {
    if (performance.now() - this.#ranAt < everyMs) return
    await this.run().catch((error: unknown) => {
      if (!isTailraceError(error)) throw error
    })
  }

  /** How many were removed. */
  async run(): Promise<number> {
    const { client, place, checkpoints, olderThanMs } = this.#options
    this.#ranAt = performance.now()
    const { ranges } = await checkpoints.read()
    if (ranges.size === 0) return 0
    const lowest = [...ranges.values()].reduce(
      (low, { position }) => (position < low ? position : low),
      2n ** 63n - 1n,
    )
    const filter = [
      { term: { 'tr.deleted': true } },
      // Not at it: removing raises the version by one, and the next position must still be above.
      { range: { 'tr.position': { lt: lowest.toString() } } },
      { range: { 'tr.at': { lte: Date.now() - olderThanMs } } },
    ]
    const { body } = await client.request('POST', `/${place.everything}/_search`, {
      size: pageSize,
      query: { bool: { filter } },
      _source: false,
      seq_no_primary_term: true,
      track_total_hits: false,
    })
    const { hits } = body.hits as { readonly hits: readonly Hit[] }
    if (hits.length === 0) return 0
    const lines = hits.map(deleteLine).join('')
    const answer = await client.request('POST', '/_bulk?filter_path=items.*.status', lines)
    const items = answer.body.items as readonly { readonly delete: { readonly status: number } }[]
    return items.filter((item) => item.delete.status < 300).length
  }
}

interface Hit {
  readonly _index: string
  readonly _id: string
  readonly _seq_no: number
  readonly _primary_term: number
}

/** Only as it was found: a document may have come in its place. */
function deleteLine({ _index, _id, _seq_no, _primary_term }: Hit): string {
  const line = { _index, _id, if_seq_no: _seq_no, if_primary_term: _primary_term }
  return `${JSON.stringify({ delete: line })}\n`
}
