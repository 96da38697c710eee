import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheEntry } from './engine-cache.ts'
import {
  elasticsearchEntry,
  elasticsearchFor,
  installElasticsearch,
} from './elasticsearch-programs.ts'
import type { EngineRecipe, Installed } from './engine-recipe.ts'
import type { NodeCommand } from './engine-state.ts'
import { newestJava, type Java } from './java-runtime.ts'
import { runProgram } from './run-program.ts'
import { searchSettings } from './search-settings.ts'

/** One Elasticsearch node, started by its own launcher and bootstrap. */
export const elasticsearch: EngineRecipe = {
  name: 'elasticsearch',
  port: 19_210,
  ports: 1,
  async cached() {
    return existsSync(cacheEntry(elasticsearchEntry(await newestJava(() => undefined))))
  },
  async install(say) {
    const java = await newestJava(say)
    const folder = await installElasticsearch(java, say)
    return { version: elasticsearchFor(java).version, folder }
  },
  async configure(installed, folder, port) {
    const java = await newestJava(() => undefined)
    await writeSettings(installed, java, folder, port)
    return {
      url: `http://127.0.0.1:${port}`,
      nodes: [{ number: 1, port, ports: [port], command: commandOf(installed, java, folder) }],
    }
  },
}

async function writeSettings(
  { folder: home }: Installed,
  java: Java,
  folder: string,
  port: number,
): Promise<void> {
  const config = join(folder, 'config')
  for (const name of [join('config', 'jvm.options.d'), 'data', 'logs', 'tmp'])
    mkdirSync(join(folder, name), { recursive: true })
  cpSync(join(home, 'config', 'log4j2.properties'), join(config, 'log4j2.properties'))
  writeFileSync(
    join(config, 'elasticsearch.yml'),
    searchSettings(folder, port, ['xpack.security.enabled: false']),
  )
  const modules = await runProgram(join(java.home, 'bin', 'java'), ['--list-modules'])
  const vectors = modules.includes('jdk.incubator.vector@')
  const unwanted = vectors
    ? /Xlog:gc|HeapDump|ErrorFile/
    : /Xlog:gc|HeapDump|ErrorFile|jdk\.incubator\.vector/
  const own = readFileSync(join(home, 'config', 'jvm.options'), 'utf8')
  const lines = own.split('\n').filter((line) => !unwanted.test(line))
  const errors = `-XX:ErrorFile=${join(folder, 'logs', 'hs_err_pid%p.log')}`
  writeFileSync(
    join(config, 'jvm.options'),
    [...lines, '-XX:-AlwaysPreTouch', errors, ''].join('\n'),
  )
}

/** The launcher ends when the server is ready (`-d`), or says why it is not. */
function commandOf({ folder: home }: Installed, java: Java, folder: string): NodeCommand {
  const program = join(java.home, 'bin', 'java')
  const small = ['-Xms4m', '-Xmx64m', '-XX:+UseSerialGC', `-Djava.io.tmpdir=${join(folder, 'tmp')}`]
  const pidFile = join(folder, 'server.pid')
  const [first, ...rest] = [
    ...unprivileged(),
    program,
    ...small,
    ...launcherOf(home, folder),
    '-d',
    '-p',
    pidFile,
  ]
  return {
    program: first!,
    args: rest,
    // The launcher takes the server's home from here.
    cwd: home,
    log: join(folder, 'node-1.log'),
    pidFile,
    env: {
      JAVA: program,
      ES_HOME: home,
      ES_PATH_CONF: join(folder, 'config'),
      ES_DISTRIBUTION_TYPE: 'zip',
      JAVA_TYPE: 'ES_JAVA_HOME',
      ES_TMPDIR: join(folder, 'tmp'),
      ES_JAVA_HOME: java.home,
      CLI_JAVA_OPTS: small.join(' '),
      ES_JAVA_OPTS: '-Xms512m -Xmx512m',
      JAVA_HOME: null,
      JAVA_TOOL_OPTIONS: null,
      _JAVA_OPTIONS: null,
    },
  }
}

function launcherOf(home: string, folder: string): string[] {
  const newer = join(home, 'lib', 'tools', 'server-launcher')
  if (existsSync(newer))
    return ['-cp', `${newer}/*`, 'org.elasticsearch.server.launcher.ServerLauncher']
  return [
    '-Dcli.name=server',
    `-Dcli.script=${join(home, 'bin', 'elasticsearch')}`,
    '-Dcli.libs=lib/tools/server-cli',
    `-Des.path.home=${home}`,
    `-Des.path.conf=${join(folder, 'config')}`,
    '-Des.distribution.type=zip',
    '-Des.java.type=ES_JAVA_HOME',
    '-cp',
    `${join(home, 'lib')}/*:${join(home, 'lib', 'cli-launcher')}/*`,
    'org.elasticsearch.launcher.CliToolLauncher',
  ]
}

/**
 * The bootstrap refuses root: it runs as "nobody" with one capability left, to reach the folders of root. Without the
 * security bit, the kernel would leave that capability out of account where it is only asked whether a file may be read.
 */
function unprivileged(): string[] {
  if (process.getuid?.() !== 0) return []
  const account = ['--reuid=65534', '--regid=65534', '--clear-groups']
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  return ['setpriv', ...account, ...capability, '--securebits=+no_setuid_fixup']
}
