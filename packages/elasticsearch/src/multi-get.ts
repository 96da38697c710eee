import { TailraceError, isTailraceError } from 'tailrace/adapter'
import type { StoredSource } from './document-codec.ts'
import type { EngineClient } from './engine-client.ts'
import { reasonText, typeOf } from './engine-error.ts'

/** A document and the index that it was found in. */
export interface Found {
  readonly index: string
  readonly source: StoredSource
}

export interface Wanted {
  readonly index: string
  readonly id: string
}

const idsMax = 1_000

interface Got {
  readonly _index: string
  readonly _id: string
  readonly found?: boolean
  readonly _source?: StoredSource
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly error?: any
}

/** Sources of an index by `_id`, of the newest state. Throws `UNAVAILABLE` when the index is gone. */
export async function multiGet(
  client: EngineClient,
  index: string,
  ids: readonly string[],
): Promise<Map<string, StoredSource>> {
  const found = new Map<string, StoredSource>()
  for (let from = 0; from < ids.length; from += idsMax) {
    const part = ids.slice(from, from + idsMax)
    const docs = await getInParts(part, (some) => request(client, `/${index}/_mget`, { ids: some }))
    for (const { _id: id, _source: source, error } of docs) {
      if (error !== undefined) throw gone(index, error)
      if (source !== undefined) found.set(id, source)
    }
  }
  return found
}

/** As `multiGet`, each id in its index; of several under one id the newest. An index that is gone has nothing. */
export async function multiGetIn(
  client: EngineClient,
  wanted: readonly Wanted[],
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  for (let from = 0; from < wanted.length; from += idsMax) {
    const part = wanted.slice(from, from + idsMax)
    const docs = await getInParts(part, (some) =>
      request(client, '/_mget', {
        docs: some.map(({ index, id }) => ({ _index: index, _id: id })),
      }),
    )
    for (const { _id: id, _index: index, _source: source, error } of docs) {
      if (error !== undefined && typeOf(error) !== 'index_not_found_exception')
        throw gone(index, error)
      if (source === undefined) continue
      const known = found.get(id)?.source.tr.position
      if (known === undefined || BigInt(known) < BigInt(source.tr.position))
        found.set(id, { index, source })
    }
  }
  return found
}

async function request(client: EngineClient, path: string, body: object): Promise<readonly Got[]> {
  return (await client.request('POST', path, body)).body.docs
}

/** In smaller parts where an answer would be too large. */
async function getInParts<T>(
  part: readonly T[],
  get: (some: readonly T[]) => Promise<readonly Got[]>,
): Promise<readonly Got[]> {
  try {
    return await get(part)
  } catch (error) {
    const tooLarge = isTailraceError(error) && error.details['answerTooLarge'] === true
    if (!tooLarge || part.length === 1) throw error
    const half = part.length >>> 1
    return [
      ...(await getInParts(part.slice(0, half), get)),
      ...(await getInParts(part.slice(half), get)),
    ]
  }
}

function gone(index: string, error: object): TailraceError {
  return new TailraceError(
    'UNAVAILABLE',
    `expected the documents of "${index}", got ${reasonText(error)}`,
    { retryable: true },
  )
}
