import { seedRange } from '../../packages/simulator/src/cli/seed-range.ts'
import { commandLine, refuse } from '../../scripts/command-line.ts'
import { compareSeed, disagreementText, smallest } from './compare.ts'
import { RealServer } from './real-side.ts'

const usage = `npm run against-postgres -- [--seeds 1..300]
The simulated PostgreSQL beside the real one. The last line says how many histories agreed.`

const values = commandLine(usage, { seeds: { type: 'string', default: '1..300' } })
const range = seedRange(values.seeds)
if (range === undefined)
  refuse(`expected --seeds as a..b with the lower one first, got "${values.seeds}"`)
const { from, to } = range
const server = await RealServer.start()
let failed = 0
let steps = 0
let waits = 0
const started = performance.now()
try {
  for (let seed = from; seed <= to; seed++) {
    const compared = await compareSeed(server, seed)
    steps += compared.steps
    waits += compared.waits
    const { disagreement } = compared
    if (disagreement === undefined) continue
    failed++
    const shown = failed <= 3 ? await smallest(server, disagreement) : disagreement
    console.log(`${disagreementText(seed, shown)}\n`)
  }
} finally {
  await server.stop()
}
const seconds = Math.round((performance.now() - started) / 1_000)
console.log(`${steps} steps, ${waits} waits for locks, ${seconds} s`)
console.log(`${to - from + 1 - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
