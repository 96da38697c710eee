import { Client } from 'pg'
import { embeddedPostgres } from '@tailrace/postgres/embedded'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seedRange } from '../../packages/simulator/src/cli/seed-range.ts'
import { commandLine } from '../../scripts/command-line.ts'
import { testSettings } from '../support/test-settings.ts'
import { areas, isAreaName, type AreaName } from './areas.ts'
import { runArea } from './fuzz-area.ts'

const usage = `npm run fuzz -- [--seeds 1..200] [--minutes n] [--only ${Object.keys(areas).join()}]
--minutes ends each area early, and so does Ctrl-C. The last line says how many seeds passed and failed.`

const values = commandLine(usage, {
  seeds: { type: 'string', default: '1..200' },
  minutes: { type: 'string' },
  only: { type: 'string', default: Object.keys(areas).join() },
})
const seeds = seedRange(values.seeds)
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes)
const names = values.only.split(',')
if (seeds === undefined || Number.isNaN(minutes) || !names.every(isAreaName)) {
  console.error(
    `expected --seeds as a..b, --minutes as a number, --only of ${Object.keys(areas).join()}, got ${process.argv.slice(2).join(' ')}`,
  )
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'tailrace-fuzz-'))
const [write, read] = await Promise.all(
  ['write', 'read'].map((model) =>
    embeddedPostgres({ dataDir: join(folder, model), database: 'orders', settings: testSettings }),
  ),
)

/** A database of its own for an area. */
async function own(url: string, name: string): Promise<string> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`create database fuzz_${name}`)
  await client.end()
  return Object.assign(new URL(url), { pathname: `/fuzz_${name}` }).href
}

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())

let passed = 0
let failed = 0
try {
  for (const name of names as AreaName[]) {
    const area = await areas[name](await own(write!.url, name), await own(read!.url, name))
    try {
      const endsAt = performance.now() + (minutes * 60_000) / names.length
      const until = { endsAt, stop: interrupted.signal }
      const say = (line: string): void => console.log(line)
      const result = await runArea(area, seeds, until, say, say)
      passed += result.passed
      failed += result.failed
    } finally {
      await area.close()
    }
  }
} finally {
  await Promise.all([write!.stop(), read!.stop()])
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
