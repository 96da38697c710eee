import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
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
 * Builds the pages, in a folder of `web/dist` that is named after their sources, unless they are there already. Returns the
 * folder to serve. Processes may call it at the same time: a folder appears whole.
 */
export async function buildPages(): Promise<string> {
  const dist = join(here, 'dist')
  const out = join(dist, hashOf(sources).slice(0, 16))
  if (existsSync(out)) return out
  mkdirSync(dist, { recursive: true })
  const made = mkdtempSync(join(dist, 'making-'))
  chmodSync(made, 0o755)
  await forProduction(() =>
    build({
      configFile: join(here, 'vite.config.ts'),
      logLevel: 'warn',
      build: { outDir: made, emptyOutDir: true },
    }),
  )
  for (const file of filesBelow(made)) compress(file)
  try {
    renameSync(made, out)
  } catch (error) {
    // Another process was faster; its pages are the same.
    rmSync(made, { recursive: true, force: true })
    if (!existsSync(out)) throw error
  }
  forgetOld(dist, out)
  return out
}

/** What is built while tests run is served later as well: the environment of the test must not get into it. */
async function forProduction(make: () => Promise<unknown>): Promise<void> {
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  try {
    await make()
  } finally {
    if (before === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = before
  }
}

const worthBytes = 1_024

/** Puts compressed twins beside a file, for browsers that take them. */
function compress(file: string): void {
  const content = readFileSync(file)
  if (content.length < worthBytes) return
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 }
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params }))
}

const oldMs = 86_400_000

/** Younger ones may be served by a process that runs. */
function forgetOld(dist: string, out: string): void {
  for (const name of readdirSync(dist)) {
    const place = join(dist, name)
    const age = Date.now() - (statSync(place, { throwIfNoEntry: false })?.mtimeMs ?? Infinity)
    if (place !== out && age > oldMs) rmSync(place, { recursive: true, force: true })
  }
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
    .filter((name) => !['dist', 'node_modules', 'test'].includes(name))
    .toSorted()
    .flatMap((name) => filesBelow(join(place, name)))
}
