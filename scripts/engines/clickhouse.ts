import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { needProgram } from './debian-packages.ts'
import { cacheEntry, cachedFolder, expectSum, sha256Of } from './engine-cache.ts'
import type { EngineRecipe, Say } from './engine-recipe.ts'
import { runProgram } from './run-program.ts'

const version = '26.7.3-stable.1'
const entry = `clickhouse-${version}`
const librarySha256 = '36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5'

/**
 * ClickHouse, out of the library that its makers publish on npm: the whole engine with its own HTTP and TCP listeners,
 * which a short Python program opens.
 */
export const clickhouse: EngineRecipe = {
  name: 'clickhouse',
  port: 18_123,
  ports: 2,
  cached: () => existsSync(cacheEntry(entry)),
  async install(say) {
    if (platform() !== 'linux' || arch() !== 'x64')
      throw new Error(`its library is pinned for linux-x64, and this is ${platform()}-${arch()}`)
    await needProgram('python3', 'python3', say)
    return { version, folder: await library(say) }
  },
  async configure({ folder: programs }, folder, port) {
    const config = join(folder, 'config.xml')
    mkdirSync(join(folder, 'data', 'tmp'), { recursive: true })
    writeFileSync(config, configOf(folder, port))
    writeFileSync(join(folder, 'users.xml'), users)
    return {
      url: `http://127.0.0.1:${port}`,
      nodes: [
        {
          number: 1,
          port,
          ports: [port, port + 1],
          command: {
            program: await needProgram('python3', 'python3', () => undefined),
            args: [
              join(import.meta.dirname, 'clickhouse-server', 'serve.py'),
              join(programs, 'libchdb.so'),
              config,
            ],
            cwd: folder,
            log: join(folder, 'node-1.log'),
          },
        },
      ],
    }
  },
}

function library(say: Say): Promise<string> {
  return cachedFolder(entry, async (draft) => {
    const name = `@chdb/lib-linux-x64-gnu@${version}`
    say(`getting ${name} with npm (178 MB)`)
    // Its own cache: the user's would keep the archive too.
    const cache = join(draft, 'npm')
    const packed = ['pack', name, '--silent', '--cache', cache, '--pack-destination', draft]
    const archive = join(draft, (await runProgram('npm', packed)).trim().split('\n').at(-1)!)
    await runProgram('tar', ['-xzf', archive, '-C', draft, 'package/libchdb.so'])
    renameSync(join(draft, 'package', 'libchdb.so'), join(draft, 'libchdb.so'))
    for (const left of [cache, archive, join(draft, 'package')])
      rmSync(left, { recursive: true, force: true })
    expectSum('libchdb.so', await sha256Of(join(draft, 'libchdb.so')), librarySha256)
  })
}

function configOf(folder: string, port: number): string {
  const log = (name: string) => join(folder, 'logs', name)
  return `<clickhouse>
  <logger>
    <level>information</level><console>0</console><size>20M</size><count>2</count>
    <log>${log('server.log')}</log><errorlog>${log('error.log')}</errorlog>
  </logger>
  <path>${join(folder, 'data')}/</path>
  <tmp_path>${join(folder, 'data', 'tmp')}/</tmp_path>
  <users_config>${join(folder, 'users.xml')}</users_config>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${port}</http_port>
  <tcp_port>${port + 1}</tcp_port>
  <timezone>UTC</timezone>
  <max_server_memory_usage>2000000000</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <max_concurrent_queries>200</max_concurrent_queries>
</clickhouse>
`
}

const loopback = '<networks><ip>127.0.0.0/8</ip><ip>::1</ip></networks>'
const defaults = '<profile>default</profile><quota>default</quota>'

/** `default` has no password; `app` has one, for tests of a wrong one. */
const users = `<clickhouse>
  <profiles><default><max_threads>2</max_threads></default></profiles>
  <quotas><default/></quotas>
  <users>
    <default><no_password/>${loopback}${defaults}</default>
    <app><password>app</password>${loopback}${defaults}</app>
  </users>
</clickhouse>
`
