import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Say } from './engine-recipe.ts'
import { oneAtATime, runProgram } from './run-program.ts'

const queue = oneAtATime()
let updated = false

/** The path of a program; undefined when there is none. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here.
    }
  }
  return undefined
}

/** Makes sure that a program is there: installs the package of Debian when this is root, else says what to install. */
export async function needProgram(name: string, debianPackage: string, say: Say): Promise<string> {
  const there = findProgram(name)
  if (there !== undefined) return there
  await installPackage(debianPackage, `${name} is missing`, say)
  const installed = findProgram(name)
  if (installed === undefined)
    throw new Error(`expected ${debianPackage} to bring ${name}, got none`)
  return installed
}

/** Installs a package of Debian on this machine. Throws when this is not root on Debian, or the package cannot be had. */
export function installPackage(debianPackage: string, why: string, say: Say): Promise<void> {
  return queue(async () => {
    if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined)
      throw new Error(`${why}; install it (on Debian: apt-get install ${debianPackage})`)
    say(`${why}: installing ${debianPackage} with apt-get`)
    const options = ['-qq', '-o', 'DPkg::Lock::Timeout=300']
    if (!updated) await runProgram('apt-get', [...options, 'update'])
    updated = true
    const env = 'DEBIAN_FRONTEND=noninteractive'
    const install = ['install', '-y', '--no-install-recommends', debianPackage]
    await runProgram('env', [env, 'apt-get', ...options, ...install])
  })
}
