import { TailraceError } from 'tailrace/adapter'
import type { EngineClient } from './engine-client.ts'
import { engineError, typeOf } from './engine-error.ts'
import type { IndexBody } from './index-body.ts'

/** Long administrative requests: a busy cluster takes its time to agree. */
export const adminMs = 60_000

/** Makes an index with its aliases in one step. False when it was there. */
export async function createIndex(
  client: EngineClient,
  name: string,
  body: IndexBody,
  aliases: readonly string[],
  filtered: Readonly<Record<string, object>> = {},
): Promise<boolean> {
  const named = Object.fromEntries(aliases.map((alias) => [alias, filtered[alias] ?? {}]))
  const answer = await client.request(
    'PUT',
    `/${name}?wait_for_active_shards=1&timeout=30s`,
    { ...body, aliases: named },
    { allow: [400], timeoutMs: adminMs },
  )
  if (answer.status < 300) return true
  if (typeOf(answer.body?.error) === 'resource_already_exists_exception') return false
  const refused = engineError(`the creation of index ${name}`, answer)
  throw new TailraceError('CONFIG', refused.message, { cause: refused, details: refused.details })
}

/** Makes what is written searchable. Throws `UNAVAILABLE` when a copy did not. */
export async function refreshIndex(client: EngineClient, target: string): Promise<void> {
  const { body } = await client.request('POST', `/${target}/_refresh`)
  const { _shards: shards } = body
  const failed = shards?.failed
  if (failed === 0) return
  throw new TailraceError(
    'UNAVAILABLE',
    `expected every copy of "${target}" to refresh, got ${failed} failures`,
    { retryable: true },
  )
}

/** Names of the indices that a pattern matches. */
export async function indexNames(client: EngineClient, pattern: string): Promise<string[]> {
  const { body } = await client.request(
    'GET',
    `/_cat/indices/${pattern}?h=index&format=json&expand_wildcards=all`,
    undefined,
    { allow: [404] },
  )
  return Array.isArray(body) ? body.map((row: { readonly index: string }) => row.index) : []
}

/** Removes indices by their names, so that clusters that forbid patterns allow it. */
export async function deleteIndices(client: EngineClient, names: readonly string[]): Promise<void> {
  for (let from = 0; from < names.length; from += 50) {
    const part = names.slice(from, from + 50).join(',')
    await client.request('DELETE', `/${part}?ignore_unavailable=true`, undefined, {
      allow: [404],
      timeoutMs: adminMs,
    })
  }
}

/** Indices that have an alias. */
export async function indicesOfAlias(client: EngineClient, alias: string): Promise<string[]> {
  const { status, body } = await client.request('GET', `/_alias/${alias}`, undefined, {
    allow: [404],
  })
  return status === 404 ? [] : Object.keys(body as object)
}

/** Takes an alias from an index, where it is there. */
export async function removeAlias(
  client: EngineClient,
  index: string,
  alias: string,
): Promise<void> {
  const actions = [{ remove: { index, alias, must_exist: false } }]
  await client.request('POST', '/_aliases', { actions }, { allow: [404], timeoutMs: adminMs })
}
