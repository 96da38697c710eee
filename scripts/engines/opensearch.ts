import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheEntry, cachedFolder, sha256Of } from './engine-cache.ts'
import type { EngineRecipe, Installed, Say } from './engine-recipe.ts'
import { newestJava, type Java } from './java-runtime.ts'
import { log4jSettings } from './log4j-settings.ts'
import { cachedJars } from './maven.ts'
import { runProgram } from './run-program.ts'
import { searchSettings } from './search-settings.ts'

interface Release {
  readonly version: string
  readonly java: number
  readonly jarsSha256: string
}

/** The newest that the newest Java here can run. */
const releases: readonly Release[] = [
  {
    version: '3.9.0',
    java: 21,
    jarsSha256: '95ea82d34cca4139f45423ce92cffa469e4e1894a0548975216200c1a6a5ffda',
  },
  {
    version: '2.19.6',
    java: 17,
    jarsSha256: '0faf1e79a10814efe0b1cb865efd5a79fe032e223a6070c6188b3a9e0e3ead2f',
  },
]

const launcher = join(import.meta.dirname, 'opensearch-launcher', 'Launcher.java')

/** One OpenSearch node, from the server's jar and the jars of its modules. */
export const opensearch: EngineRecipe = {
  name: 'opensearch',
  port: 19_200,
  ports: 1,
  async cached() {
    return existsSync(cacheEntry(jarsOf(releaseFor(await newestJava(() => undefined)))))
  },
  async install(say) {
    const java = await newestJava(say)
    const release = releaseFor(java)
    await cachedJars(jarsOf(release), artifactsOf(release), release.jarsSha256, say)
    await compiledLauncher(java, say)
    return { version: release.version, folder: java.home }
  },
  async configure(installed, folder, port) {
    writeSettings(folder, port)
    return {
      url: `http://127.0.0.1:${port}`,
      nodes: [
        {
          number: 1,
          port,
          ports: [port],
          command: {
            program: join(installed.folder, 'bin', 'java'),
            args: await jvmArguments(installed, folder),
            cwd: folder,
            log: join(folder, 'node-1.log'),
            env: { JAVA_TOOL_OPTIONS: null, _JAVA_OPTIONS: null },
          },
        },
      ],
    }
  },
}

function releaseFor({ feature }: Java): Release {
  return releases.find(({ java }) => feature >= java)!
}

function jarsOf({ version }: Release): string {
  return `opensearch-${version}`
}

function artifactsOf({ version }: Release) {
  const modules = [
    'transport-netty4-client',
    'analysis-common',
    'mapper-extras-client',
    'parent-join-client',
    'reindex-client',
    'lang-painless',
    'opensearch-scripting-painless-spi',
    'lang-mustache-client',
    'aggs-matrix-stats-client',
    'rank-eval-client',
  ]
  // Optional for the server's jar, but a running node needs them.
  const optional = [
    'org.apache.logging.log4j:log4j-api:2.25.5',
    'org.apache.logging.log4j:log4j-core:2.25.5',
    'org.apache.logging.log4j:log4j-jul:2.25.5',
    'org.locationtech.jts:jts-core:1.15.0',
    'org.locationtech.spatial4j:spatial4j:0.7',
  ]
  return [
    `org.opensearch:opensearch:${version}`,
    ...modules.map((name) => `org.opensearch.plugin:${name}:${version}`),
    ...optional,
  ].map((at) => ({ at }))
}

/** Compiled once for each content of its source. */
async function compiledLauncher(java: Java, say: Say): Promise<string> {
  const sum = await sha256Of(launcher)
  return cachedFolder(`opensearch-launcher-${sum.slice(0, 16)}`, async (draft) => {
    say('compiling the launcher of OpenSearch')
    const compiler = join(java.home, 'bin', 'javac')
    await runProgram(compiler, ['--release', '11', '-d', draft, launcher])
  })
}

function writeSettings(folder: string, port: number): void {
  for (const name of ['config', 'data', 'tmp']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'config', 'opensearch.yml'), searchSettings(folder, port))
  writeFileSync(join(folder, 'config', 'log4j2.properties'), log4jSettings())
}

async function jvmArguments({ version, folder: home }: Installed, folder: string) {
  const java = await newestJava(() => undefined)
  const tmp = join(folder, 'tmp')
  const launcherClasses = await compiledLauncher(java, () => undefined)
  return [
    '-Xms512m',
    '-Xmx512m',
    // Its memory breaker counts garbage, which the serial collector leaves lying.
    '-XX:+UseG1GC',
    '-XX:+ExitOnOutOfMemoryError',
    `-Djava.io.tmpdir=${tmp}`,
    `-Djna.tmpdir=${tmp}`,
    `-Dlog4j2.configurationFile=${join(folder, 'config', 'log4j2.properties')}`,
    '-Dlog4j2.disable.jmx=true',
    ...(home === java.home && java.feature >= 22 ? ['--enable-native-access=ALL-UNNAMED'] : []),
    '-cp',
    `${launcherClasses}:${cacheEntry(`opensearch-${version}`)}/*`,
    'Launcher',
    folder,
  ]
}
