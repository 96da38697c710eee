import { TailraceError } from 'tailrace/adapter'
import type { EngineAnswer, EngineClient } from './engine-client.ts'
import { engineError, reasonText, typeOf } from './engine-error.ts'
import type { VersionNames } from './index-names.ts'

/** A small document of the state index as it is now, with what a conditional write needs. */
export interface StateDocument {
  readonly body: unknown
  readonly seqNo: number
  readonly term: number
}

export interface StateSource {
  readonly kind: string
  /** Orders lists: a position as text. */
  readonly first?: string
  readonly body: unknown
}

const listPage = 1_000

/** The small documents beside a version: checkpoints, what is visible, parked keys. Reads are of the newest state. */
export class StateIndex {
  readonly #client: EngineClient
  readonly #names: VersionNames
  readonly #onGone: () => void

  /** `onGone` is told when the index does not exist any more. */
  constructor(client: EngineClient, names: VersionNames, onGone: () => void) {
    this.#client = client
    this.#names = names
    this.#onGone = onGone
  }

  /** Those that exist, by id. */
  async get(ids: readonly string[]): Promise<Map<string, StateDocument>> {
    const found = new Map<string, StateDocument>()
    for (let from = 0; from < ids.length; from += listPage) {
      const part = ids.slice(from, from + listPage)
      const { status, body } = await this.#client.request(
        'POST',
        `/${this.#names.state}/_mget`,
        { ids: part },
        { allow: [404] },
      )
      const docs = status === 404 ? [body] : body.docs
      for (const one of docs) {
        if (one.error !== undefined) throw this.#missing(one.error)
        if (one.found !== true) continue
        const { _id: id, _source: source, _seq_no: seqNo, _primary_term: term } = one
        found.set(id, { body: (source as StateSource).body, seqNo, term })
      }
    }
    return found
  }

  #missing(error: object): TailraceError {
    if (typeOf(error) === 'index_not_found_exception') this.#onGone()
    return new TailraceError(
      'UNAVAILABLE',
      `expected index "${this.#names.state}", got ${reasonText(error)}; another process may have dropped the version`,
      { retryable: true },
    )
  }

  /**
   * Writes a document where it was last seen (undefined: where there was none). Undefined when somebody was faster; else
   * the document as it is now.
   */
  async put(
    id: string,
    source: StateSource,
    seen: StateDocument | undefined,
  ): Promise<StateDocument | undefined> {
    const answer = await this.#client.request(
      'PUT',
      `/${this.#names.stateWrite}/_doc/${id}?require_alias=true&${conditionOf(seen)}`,
      source,
      { allow: [409] },
    )
    if (!written(answer, id)) return undefined
    const { _seq_no: seqNo, _primary_term: term } = answer.body
    return { body: source.body, seqNo, term }
  }

  /** False when somebody was faster. */
  async remove(id: string, seen: StateDocument): Promise<boolean> {
    const answer = await this.#client.request(
      'DELETE',
      `/${this.#names.stateWrite}/_doc/${id}?${conditionOf(seen)}`,
      undefined,
      { allow: [404, 409] },
    )
    return answer.status === 404 || written(answer, id)
  }

  /** Bodies of a kind, the lowest `first` before others, up to a limit. Shows every write that was acknowledged before. */
  async list(kind: string, limit: number): Promise<unknown[]> {
    const { state } = this.#names
    await this.#client.request('POST', `/${state}/_refresh`)
    const found: unknown[] = []
    let after: unknown
    while (found.length < limit) {
      const size = Math.min(listPage, limit - found.length)
      const { body } = await this.#client.request(
        'POST',
        `/${state}/_search?allow_partial_search_results=false`,
        {
          size,
          query: { term: { kind } },
          sort: [{ first: 'asc' }, { _doc: 'asc' }],
          ...(after === undefined ? {} : { search_after: after }),
        },
      )
      const { hits } = body.hits as {
        readonly hits: readonly { _source: StateSource; sort: unknown }[]
      }
      found.push(...hits.map(({ _source }) => _source.body))
      if (hits.length < size) break
      after = hits.at(-1)!.sort
    }
    return found
  }
}

function conditionOf(seen: StateDocument | undefined): string {
  return seen === undefined
    ? 'op_type=create'
    : `if_seq_no=${seen.seqNo}&if_primary_term=${seen.term}`
}

function written(answer: EngineAnswer, id: string): boolean {
  if (answer.status < 300) return true
  if (answer.body?.error?.type === 'version_conflict_engine_exception') return false
  throw engineError(`a write of ${id}`, answer)
}
