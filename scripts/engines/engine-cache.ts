import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Where programs are kept: ENGINES_CACHE, else a folder in the user's cache. Other checkouts share it. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const user = env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return resolve(env['ENGINES_CACHE'] || join(user, 'tailrace-engines'))
}

/** The folder of the cache that holds this, whether it is there yet or not. */
export function cacheEntry(name: string): string {
  return join(cacheFolder(), name)
}

const filling = new Map<string, Promise<string>>()

/**
 * A folder of the cache, filled once. `fill` works in a draft that takes its place when it is complete, so that what was
 * cut short is made again, and two processes that fill it at once do not meet.
 */
export function cachedFolder(
  name: string,
  fill: (draft: string) => Promise<void>,
): Promise<string> {
  const folder = cacheEntry(name)
  const filled = filling.get(folder) ?? filledFolder(folder, fill)
  filling.set(folder, filled)
  return filled
}

async function filledFolder(
  folder: string,
  fill: (draft: string) => Promise<void>,
): Promise<string> {
  if (existsSync(folder)) return folder
  const draft = `${folder}.draft-${process.pid}`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  try {
    await fill(draft)
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

/** SHA-256 of a file, in hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

/** One sum for all files of a folder: of the lines `<sha256>  <name>`, in the order of the names. */
export async function sha256OfFolder(folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).toSorted())
    hash.update(`${await sha256Of(join(folder, name))}  ${name}\n`)
  return hash.digest('hex')
}

/** Refuses what is not the pinned thing. */
export function expectSum(what: string, got: string, pinned: string): void {
  if (got !== pinned)
    throw new Error(
      `expected ${what} to have the pinned SHA-256 ${pinned}, got ${got}; it is not used`,
    )
}
