import { engineVariable, type EngineName } from '../engines/engine-names.ts'
import { engineRecipes } from '../engines/engine-recipes.ts'

export interface EngineChoice {
  readonly engines: readonly EngineName[]
  readonly notRun: readonly string[]
}

/**
 * Which engines a run of the tests starts: those asked for, but Elasticsearch only when it was named, is in the cache, or
 * ENGINES_ALL=1 says so. Its download is 0.9 GB, and OpenSearch proves the same adapter.
 */
export async function chooseEngines(
  asked: readonly EngineName[],
  byName: boolean,
): Promise<EngineChoice> {
  const wanted = asked.filter((name) => process.env[engineVariable(name)] === undefined)
  const large: EngineName = 'elasticsearch'
  if (!wanted.includes(large) || byName || process.env['ENGINES_ALL'] === '1')
    return { engines: wanted, notRun: [] }
  if (await engineRecipes[large].cached()) return { engines: wanted, notRun: [] }
  return {
    engines: wanted.filter((name) => name !== large),
    notRun: [
      `${large}: a download of 0.9 GB, made with ENGINES_ALL=1; OpenSearch runs the tests of the same adapter`,
    ],
  }
}
