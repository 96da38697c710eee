import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { unpackDebian } from './debian-unpacked.ts'
import { cacheEntry, cachedFolder } from './engine-cache.ts'
import type { EngineRecipe } from './engine-recipe.ts'
import { runProgram } from './run-program.ts'

/** Debian 13, whose Redis is 8.0. A security update of Debian changes the last digits only. */
const suite = 'trixie'
const entry = `redis-${suite}`

/** Redis, from Debian's package: unpacked, not installed, and run with the C library that it was built for. */
export const redis: EngineRecipe = {
  name: 'redis',
  port: 16_379,
  ports: 1,
  cached: () => existsSync(cacheEntry(entry)),
  async install(say) {
    const folder = await cachedFolder(entry, async (draft) => {
      say(`getting Redis from Debian ${suite}`)
      await unpackDebian(suite, ['redis-server', 'redis-tools', 'libc6'], draft)
    })
    const [program, ...args] = commandIn(folder)
    const version = /v=([\d.]+)/.exec(await runProgram(program!, [...args, '--version']))?.[1]
    if (version === undefined) throw new Error('expected redis-server to tell its version')
    return { version, folder }
  },
  async configure({ folder: programs }, folder, port) {
    const [program, ...args] = commandIn(programs)
    // Everything acknowledged survives the end of the process; a snapshot beside it would only cost time.
    const settings = `--port ${port} --bind 127.0.0.1 --dir ${folder} --daemonize no --appendonly yes --appendfsync everysec`
    return {
      url: `redis://127.0.0.1:${port}`,
      nodes: [
        {
          number: 1,
          port,
          ports: [port],
          command: {
            program: program!,
            args: [...args, ...settings.split(' '), '--save', ''],
            cwd: folder,
            log: join(folder, 'node-1.log'),
          },
        },
      ],
    }
  },
}

/** The loader of the unpacked C library runs the program: the machine's own may be older. */
function commandIn(root: string): string[] {
  const folders = ['lib64', 'usr/lib64'].map((name) => join(root, name)).filter(existsSync)
  const loader = folders
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .concat(loadersBesideLibraries(root))
    .find((path) => /\/ld-linux-[^/]*\.so\.\d+$/.test(path))
  if (loader === undefined) throw new Error(`expected a loader below ${root}, got none`)
  return [
    loader,
    '--library-path',
    libraryFolders(root).join(':'),
    join(root, 'usr/bin/redis-server'),
  ]
}

function loadersBesideLibraries(root: string): string[] {
  return libraryFolders(root).flatMap((folder) =>
    readdirSync(folder).map((name) => join(folder, name)),
  )
}

function libraryFolders(root: string): string[] {
  return ['usr/lib', 'lib']
    .map((name) => join(root, name))
    .filter(existsSync)
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('-linux-gnu'))
        .map((name) => join(folder, name)),
    )
}
