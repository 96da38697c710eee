import type { EngineClient } from './engine-client.ts'
import { adminMs, createIndex } from './index-admin.ts'
import { loadingSettings, type IndexBody } from './index-body.ts'
import { loadAlias, type LoadTurn } from './load-turn.ts'

/**
 * Makes an index that a bulk load fills, without searches and copies; one that another process has made meanwhile is taken
 * as it is. Resolves while the load is the last one, else throws `PROJECTION_FENCED`: then the index may be its successor's.
 */
export async function makeForLoad(
  client: EngineClient,
  index: string,
  body: IndexBody,
  writeAlias: string,
  load: LoadTurn,
): Promise<void> {
  const settings = { index: { ...(body.settings['index'] as object), ...loadingSettings } }
  const alias = loadAlias(writeAlias, load)
  if (!(await createIndex(client, index, { ...body, settings }, [writeAlias, alias])))
    await client.request(
      'POST',
      '/_aliases',
      { actions: [{ add: { index, alias } }] },
      { timeoutMs: adminMs },
    )
  await load.assertLast()
}
