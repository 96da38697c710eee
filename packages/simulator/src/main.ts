import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runPlanted } from './cli/run-planted.ts'
import { runSeeds } from './cli/run-seeds.ts'
import { seedRange } from './cli/seed-range.ts'
import { knownSeeds } from './planted/known-seeds.ts'
import { everyMark } from './every-mark.ts'
import { focuses } from './world/focus.ts'

const usage = `npm run sim -- [--seeds 1..1000] [--focus name] [--processes 2] [--json]
npm run sim -- --planted [--known] [--only "bug,bug"] [--seeds 1..500] [--focus name] [--processes 2] [--json]
--planted looks for the first seed that catches each planted bug; --known only for bugs of which such a seed is known, and
there first. --focus leaves out seeds whose worlds are about something else than this, one of
${focuses.join(', ')}.
The last line is JSON; what people read before it goes to stderr, and with --json to nowhere.`

const { values } = options()
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const range = seedRange(values.seeds ?? (values.planted ? '1..500' : '1..1000'))
if (range === undefined) {
  console.error(`expected --seeds as a..b with the lower one first, got "${values.seeds}"`)
  process.exit(2)
}
const { from, to } = range
const focus = focuses.find((name) => name === values.focus)
if (values.focus !== undefined && focus === undefined) {
  console.error(`expected --focus as one of ${focuses.join(', ')}, got "${values.focus}"`)
  process.exit(2)
}
const processes = Number(values.processes ?? Math.min(2, availableParallelism()))
const started = performance.now()
const seconds = (): number => Math.round((performance.now() - started) / 100) / 10
const say = (text: string): void => {
  if (!values.json) console.error(text)
}

function options() {
  try {
    return parseArgs({
      options: {
        seeds: { type: 'string' },
        planted: { type: 'boolean', default: false },
        known: { type: 'boolean', default: false },
        only: { type: 'string' },
        focus: { type: 'string' },
        json: { type: 'boolean', default: false },
        processes: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    console.error(`${(error as Error).message.split('. ')[0]}; it is called so:\n${usage}`)
    process.exit(2)
  }
}

/** In so many worlds, every rare place must have been reached. */
const seedsForAllMarks = 10_000

function missing(reached: Readonly<Record<string, number>>): string[] {
  return everyMark.filter((mark) => reached[mark] === undefined)
}

async function seeds(): Promise<void> {
  let said = 0
  const summary = await runSeeds({
    from,
    to,
    focus,
    processes,
    explained: values.json ? 0 : 2,
    onProgress(done, failed) {
      if (seconds() - said < 10) return
      said = seconds()
      say(`${done} of ${to - from + 1} seeds, ${failed} failed, ${said} s`)
    },
    onFailure: ({ seed, failure }) => say(`seed ${seed}: ${failure}`),
  })
  for (const history of summary.histories) say(`\n${history}\n`)
  for (const { seed, failure } of summary.failures.slice(0, 50)) say(`seed ${seed}: ${failure}`)
  say(`reached: ${JSON.stringify(summary.marks)}`)
  say(
    `${summary.steps} steps, ${summary.commands} commands, ${summary.queries} queries, ${(summary.seeds / seconds()).toFixed(1)} seeds/s`,
  )
  const { failed, faults } = summary
  const missed = summary.seeds < seedsForAllMarks ? [] : missing(summary.marks)
  for (const mark of missed) say(`never reached: ${mark}`)
  say(`${summary.seeds - failed.length} passed, ${failed.length + missed.length} failed`)
  console.log(JSON.stringify({ seeds: summary.seeds, failed, faults, seconds: seconds() }))
  process.exitCode = failed.length + missed.length === 0 ? 0 : 1
}

async function planted(): Promise<void> {
  const asked = values.only?.split(',') ?? (values.known ? Object.keys(knownSeeds) : undefined)
  const only = asked === undefined ? undefined : new Set(asked)
  const caught = await runPlanted({
    from,
    to,
    focus,
    processes,
    only,
    ...(values.known ? { first: knownSeeds } : {}),
    onCaught({ bug, invariant, caughtAtSeed, how }) {
      console.log(JSON.stringify({ bug, caughtAtSeed }))
      say(`  ${invariant}: ${how?.split('\n')[0] ?? 'not caught'}`)
    },
  })
  const missed = caught.filter(({ caughtAtSeed }) => caughtAtSeed === null)
  say(`${caught.length - missed.length} of ${caught.length} bugs were caught, ${seconds()} s`)
  say(`${caught.length - missed.length} passed, ${missed.length} failed`)
  process.exitCode = missed.length === 0 ? 0 : 1
}

await (values.planted ? planted() : seeds())
