import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'vite'

const here = import.meta.dirname
/** Files and folders whose sources end up in the pages. */
const sources = [
  here,
  join(here, '../minor-units.ts'),
  join(here, '../../../packages/client/src'),
  join(here, '../../../packages/tailrace/src/declare'),
]

/**
 * Builds the pages into `web/dist` unless they are built from exactly these sources already. Returns the folder to serve.
 * May be called twice; the second call costs a few milliseconds.
 */
export async function buildPages(): Promise<string> {
  const out = join(here, 'dist')
  const stamp = join(out, '.sources')
  const hash = hashOf(sources)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return out
  await build({ configFile: join(here, 'vite.config.ts'), logLevel: 'warn' })
  writeFileSync(stamp, hash)
  return out
}

function hashOf(places: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of places.flatMap(filesBelow))
    hash.update(relative(here, file)).update(readFileSync(file))
  return hash.digest('hex')
}

function filesBelow(place: string): string[] {
  if (!existsSync(place)) return []
  if (statSync(place).isFile()) return [place]
  return readdirSync(place)
    .filter((name) => name !== 'dist' && name !== 'node_modules')
    .toSorted()
    .flatMap((name) => filesBelow(join(place, name)))
}
