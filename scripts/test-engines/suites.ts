import { globSync } from 'node:fs'
import type { EngineName } from '../engines/engine-names.ts'

/** One run of vitest. */
export interface EngineSuite {
  readonly name: string
  readonly args: readonly string[]
}

const adapters: Readonly<Record<EngineName, string>> = {
  redis: 'redis',
  clickhouse: 'clickhouse',
  opensearch: 'elasticsearch',
  elasticsearch: 'elasticsearch',
  kafka: 'kafka',
  kafka3: 'kafka',
}

/** The suites of some engines: how they are run, the tests of their adapters, the scenarios. A file may kill its engine, so files take turns. */
export function suitesFor(engines: readonly EngineName[]): readonly EngineSuite[] {
  const folders = [...new Set(engines.map((name) => `packages/${adapters[name]}/`))]
  // How engines are run is shown with Redis; a suite without a test counts as failed.
  const own = engines.includes('redis') ? ['scripts/engines/'] : []
  return [...own, ...folders, 'test/scenarios/'].flatMap((folder) => {
    const files = globSync(`${folder}**/*.engine.test.ts`).toSorted()
    if (files.length === 0) return []
    const name = folder.replace(/^packages\/|\/$/g, '')
    return [{ name, args: ['--no-file-parallelism', ...files] }]
  })
}
