import {
  isTailraceError,
  TailraceError,
  type AnyProjectionDef,
  type LiveVersion,
} from 'tailrace/adapter'
import { notDeleted } from './docs-place.ts'
import type { DocumentField } from './document-fields.ts'
import type { EngineClient } from './engine-client.ts'
import { adminMs, createIndex, indexNames, indicesOfAlias, removeAlias } from './index-admin.ts'
import { docsBody, liveSettings, shapeOf, stateBody } from './index-body.ts'
import {
  docsAlias,
  liveAlias,
  versionNames,
  versionOfState,
  type VersionNames,
} from './index-names.ts'
import type { StoreSettings } from './store-options.ts'
import { addOtherTexts } from './text-words.ts'

/** Makes the state index of a version, and its index of documents where it has a single one. Throws `CONFIG`. */
export async function makeVersion(
  client: EngineClient,
  settings: StoreSettings,
  projection: AnyProjectionDef,
  fields: readonly DocumentField[],
  names: VersionNames,
): Promise<void> {
  const sliced = settings.slices[projection.name] !== undefined
  const shape = shapeOf(projection, fields, settings)
  await finishDrop(client, settings.prefix, projection, names)
  // The state first: what is half made is listed, and can be dropped.
  const state = stateBody(settings, shape)
  if ((await describe(client, names.state)) === undefined)
    await createIndex(client, names.state, state, [names.stateWrite])
  checkShape(projection, shape, (await describe(client, names.state))?.shape)
  if (sliced) return addOtherTexts(client, `${names.docs}.d*`, fields)
  const found = await describe(client, names.docs)
  if (found === undefined) {
    await createIndex(client, names.docs, docsBody(fields, settings), [names.docsWrite])
    return
  }
  if (found.refreshInterval === '-1') await repair(client, settings, names)
  await addOtherTexts(client, names.docs, fields)
}

/** A process that ended while it dropped a version leaves it without the alias of its writers. */
async function finishDrop(
  client: EngineClient,
  prefix: string,
  { name, version }: AnyProjectionDef,
  { state, stateWrite }: VersionNames,
): Promise<void> {
  if ((await indexNames(client, state)).length === 0) return
  if ((await indicesOfAlias(client, stateWrite)).length > 0) return
  await dropVersion(client, prefix, name, version).catch((error: unknown) => {
    // It is the live one: its alias is back.
    if (!isTailraceError(error) || error.code !== 'CONFIG') throw error
  })
}

/** A load that ended early leaves its index without searches and copies. */
async function repair(
  client: EngineClient,
  settings: StoreSettings,
  { docs }: VersionNames,
): Promise<void> {
  await client.request('PUT', `/${docs}/_settings`, { index: liveSettings(settings) })
}

interface Described {
  readonly shape: unknown
  readonly refreshInterval: unknown
}

async function describe(client: EngineClient, index: string): Promise<Described | undefined> {
  const { status, body } = await client.request('GET', `/${index}`, undefined, { allow: [404] })
  if (status === 404) return undefined
  const { mappings, settings } = body[index]
  const { _meta: meta } = mappings ?? {}
  return {
    shape: meta?.tailrace,
    refreshInterval: settings?.index?.refresh_interval,
  }
}

function checkShape(projection: AnyProjectionDef, declared: string, found: unknown): void {
  if (found === declared) return
  throw new TailraceError(
    'CONFIG',
    `expected version ${projection.version} of projection "${projection.name}" to have the fields that this code declares, got others; a change of documents, lookups or slices needs a higher version`,
    { details: { declared, found } },
  )
}

/** Versions that exist, also half made ones. */
export async function versionsOf(
  client: EngineClient,
  prefix: string,
  projection: string,
): Promise<number[]> {
  const names = await indexNames(client, `${prefix}.${projection}.v*.state`)
  return names
    .flatMap((name) => versionOfState(prefix, projection, name) ?? [])
    .toSorted((a, b) => a - b)
}

export async function liveVersionOf(
  client: EngineClient,
  prefix: string,
  projection: string,
): Promise<number | undefined> {
  return liveAmong(prefix, projection, await indicesOfAlias(client, liveAlias(prefix, projection)))
}

/** Of the indices under the live alias. */
function liveAmong(
  prefix: string,
  projection: string,
  indices: readonly string[],
): number | undefined {
  return indices.flatMap((name) => versionOfState(prefix, projection, name) ?? []).at(0)
}

/** Indices of the documents of a version. */
async function docsOf(client: EngineClient, { docs, state }: VersionNames): Promise<string[]> {
  const names = await indexNames(client, `${docs}*`)
  return names.filter((name) => (name === docs || name.startsWith(`${docs}.`)) && name !== state)
}

const racesMax = 5

/**
 * Moves both aliases to a version in one step, `from` the one that they are on. Whether they were moved. Throws
 * `PROJECTION_UNKNOWN` for a version that does not exist.
 */
export async function switchVersion(
  client: EngineClient,
  prefix: string,
  projection: string,
  { version, from }: { readonly version: number; readonly from: LiveVersion | undefined },
): Promise<boolean> {
  const names = versionNames(prefix, projection, version)
  const [docs, live] = [docsAlias(prefix, projection), liveAlias(prefix, projection)]
  for (let race = 0; race < racesMax; race++) {
    const [exist, oldDocs, oldLive, newDocs] = await Promise.all([
      versionsOf(client, prefix, projection),
      indicesOfAlias(client, docs),
      indicesOfAlias(client, live),
      docsOf(client, names),
    ])
    if (!exist.includes(version)) {
      throw new TailraceError(
        'PROJECTION_UNKNOWN',
        `expected version ${version} of projection "${projection}" to exist, got none; build it first`,
      )
    }
    if (from !== undefined && (liveAmong(prefix, projection, oldLive) ?? 'none') !== from)
      return false
    const actions = [
      ...removals(
        oldDocs.filter((index) => !newDocs.includes(index)),
        docs,
      ),
      ...removals(
        oldLive.filter((index) => index !== names.state),
        live,
      ),
      ...newDocs.map((index) => ({ add: { index, alias: docs, filter: notDeleted } })),
      ...held(names),
      { add: { index: names.state, alias: live, is_write_index: true } },
    ]
    // Somebody else may have switched in between: then a removal finds nothing, or the alias has an index to write to
    // already, of which it takes one. Or the version is being dropped. Nothing of this happens.
    const { status, body } = await client.request(
      'POST',
      '/_aliases',
      { actions },
      { allow: [400, 404, 500] },
    )
    if (status < 300) return true
    if (status !== 404 && !/more than one write index/.test(JSON.stringify(body)))
      throw new TailraceError(
        'UNAVAILABLE',
        `expected to switch projection "${projection}" to version ${version}, got ${status} ${JSON.stringify(body)}`,
        { retryable: true },
      )
  }
  throw new TailraceError(
    'UNAVAILABLE',
    `expected to switch projection "${projection}" to version ${version} within ${racesMax} attempts, got others switching it`,
    { retryable: true },
  )
}

function removals(indices: readonly string[], alias: string): object[] {
  return indices.map((index) => ({ remove: { index, alias, must_exist: true } }))
}

/** Takes the alias of its writers from a version and gives it back: which fails where it has none. */
function held({ state, stateWrite }: VersionNames): object[] {
  return [...removals([state], stateWrite), { add: { index: state, alias: stateWrite } }]
}

/**
 * Removes a version that no reader uses. Throws `CONFIG` for the live one. First it loses the alias of its writers, without
 * which nobody can switch to it; then all of its indices go in one step.
 */
export async function dropVersion(
  client: EngineClient,
  prefix: string,
  projection: string,
  version: number,
): Promise<void> {
  const names = versionNames(prefix, projection, version)
  const { state: index, stateWrite: alias } = names
  const change = (actions: readonly object[]) =>
    client.request('POST', '/_aliases', { actions }, { allow: [404], timeoutMs: adminMs })
  const refuseLive = async (): Promise<void> => {
    if ((await liveVersionOf(client, prefix, projection)) !== version) return
    // Also where another process that was dropping it ended in between.
    await change([{ add: { index, alias } }])
    throw new TailraceError(
      'CONFIG',
      `expected a version of projection "${projection}" that is not live, got ${version}; switch readers to another version first`,
    )
  }
  await refuseLive()
  await removeAlias(client, index, alias)
  await refuseLive()
  for (let race = 0; race < racesMax; race++) {
    const indices = await docsOf(client, names)
    if ((await describe(client, index)) !== undefined) indices.push(index)
    if (indices.length === 0) return
    // Another process may have dropped one of them in between.
    if ((await change(indices.map((one) => ({ remove_index: { index: one } })))).status !== 404)
      return
  }
  throw new TailraceError(
    'UNAVAILABLE',
    `expected to drop version ${version} of projection "${projection}" within ${racesMax} attempts, got others changing it`,
    { retryable: true },
  )
}
