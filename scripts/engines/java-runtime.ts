import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram, installPackage } from './debian-packages.ts'
import type { Say } from './engine-recipe.ts'
import { runProgram } from './run-program.ts'

/** A full Java development kit. */
export interface Java {
  readonly home: string
  readonly feature: number
}

let known: Promise<readonly Java[]> | undefined

/**
 * The newest Java here, of 17 or later; Debian's is installed when there is none. ENGINES_JAVA_HOME names the one to use.
 */
export async function newestJava(say: Say): Promise<Java> {
  known ??= findJavas()
  const found = (await known).toSorted((a, b) => b.feature - a.feature)[0]
  if (found !== undefined) return found
  await installPackage('default-jdk-headless', 'Java 17 or later is missing', say)
  known = findJavas()
  const installed = (await known)[0]
  if (installed === undefined)
    throw new Error('expected default-jdk-headless to bring Java 17 or later, got none')
  return installed
}

async function findJavas(): Promise<readonly Java[]> {
  const javas = await Promise.all([...new Set(candidates())].map(askJava))
  return javas.filter((java) => java !== undefined)
}

function candidates(): string[] {
  const only = process.env['ENGINES_JAVA_HOME']
  if (only !== undefined) return [join(only, 'bin', 'java')]
  const folder = '/usr/lib/jvm'
  const kept = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
  const named = process.env['JAVA_HOME']
  return [...(named === undefined ? [] : [named]), ...kept]
    .map((home) => join(home, 'bin', 'java'))
    .concat(findProgram('java') ?? [])
    .filter(existsSync)
}

/**
 * Undefined for what is too old, and for trimmed runtimes: they start a search engine, which then fails at the first index
 * (no Thai word breaks) or at its own start (no debugger interface).
 */
async function askJava(program: string): Promise<Java | undefined> {
  try {
    const modules = await runProgram(program, ['--list-modules'], { timeoutMs: 30_000 })
    const feature = Number(/^java\.base@(\d+)/m.exec(modules)?.[1])
    const full = ['jdk.localedata', 'jdk.jdi', 'jdk.compiler'].every((name) =>
      modules.includes(`${name}@`),
    )
    const home = dirname(dirname(program))
    return full && feature >= 17 && existsSync(join(home, 'bin', 'javac'))
      ? { home, feature }
      : undefined
  } catch {
    return undefined
  }
}
