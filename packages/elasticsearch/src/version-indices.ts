import { TailraceError, type AnyProjectionDef, type LiveVersion } from 'tailrace/adapter'
import { notDeleted } from './docs-place.ts'
import type { DocumentField } from './document-fields.ts'
import type { EngineClient } from './engine-client.ts'
import { createIndex, deleteIndices, indexNames, indicesOfAlias } from './index-admin.ts'
import { docsBody, liveSettings, shapeOf, stateBody } from './index-body.ts'
import {
  docsAlias,
  liveAlias,
  versionNames,
  versionOfState,
  type VersionNames,
} from './index-names.ts'
import type { StoreSettings } from './store-options.ts'

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
  // The state first: what is half made is listed, and can be dropped.
  const state = stateBody(settings, shape)
  if ((await describe(client, names.state)) === undefined)
    await createIndex(client, names.state, state, [names.stateWrite])
  checkShape(projection, shape, (await describe(client, names.state))?.shape)
  if (sliced) return
  const found = await describe(client, names.docs)
  if (found === undefined)
    await createIndex(client, names.docs, docsBody(fields, settings), [names.docsWrite])
  else if (found.refreshInterval === '-1') await repair(client, settings, names)
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
  if (!(await versionsOf(client, prefix, projection)).includes(version)) {
    throw new TailraceError(
      'PROJECTION_UNKNOWN',
      `expected version ${version} of projection "${projection}" to exist, got none; build it first`,
    )
  }
  const names = versionNames(prefix, projection, version)
  const [docs, live] = [docsAlias(prefix, projection), liveAlias(prefix, projection)]
  for (let race = 0; race < racesMax; race++) {
    const [oldDocs, oldLive, newDocs] = await Promise.all([
      indicesOfAlias(client, docs),
      indicesOfAlias(client, live),
      docsOf(client, names),
    ])
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
      { add: { index: names.state, alias: live, is_write_index: true } },
    ]
    // Somebody else may have switched in between: then a removal finds nothing, or the alias has an index to write to
    // already, of which it takes one. Nothing of this happens.
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

/** Removes a version that no reader uses. Throws `CONFIG` for the live one. */
export async function dropVersion(
  client: EngineClient,
  prefix: string,
  projection: string,
  version: number,
): Promise<void> {
  if ((await liveVersionOf(client, prefix, projection)) === version) {
    throw new TailraceError(
      'CONFIG',
      `expected a version of projection "${projection}" that is not live, got ${version}; switch readers to another version first`,
    )
  }
  const names = versionNames(prefix, projection, version)
  await deleteIndices(client, await docsOf(client, names))
  await deleteIndices(client, [names.state])
}
