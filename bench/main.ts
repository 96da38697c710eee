import { commandLine, refuse } from '../scripts/command-line.ts'
import { openLab } from './engines/lab.ts'
import { runnerAdvice } from './engines/statement-loop.ts'
import { goals } from './goals/all-goals.ts'
import type { Goal, GoalResult } from './harness/goal.ts'
import { format, runGoal } from './harness/run-goal.ts'

const usage = `npm run bench -- [--only P1,P2] [--rounds 5] [--seconds 3] [--minutes 1] [--profile folder] [--json]
--seconds is the length of a window, --minutes that of S1. --profile writes a CPU profile
of one more window of the product per goal. Goals marked * run only when they are named.
Data lies under TAILRACE_DATA (default .tailrace) while it runs: use the disk that counts.
${goals.map(({ id, name, onRequest }) => `  ${`${id}${onRequest === true ? ' *' : ''}`.padEnd(13)} ${name}`).join('\n')}
`

const values = commandLine(usage, {
  only: { type: 'string' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '3' },
  minutes: { type: 'string', default: '1' },
  profile: { type: 'string' },
  json: { type: 'boolean', default: false },
})

await run(chosen(values.only))

function chosen(only: string | undefined): readonly Goal[] {
  if (only === undefined) return goals.filter(({ onRequest }) => onRequest !== true)
  const ids = only.split(',').map((id) => id.trim().toUpperCase())
  const stranger = ids.find((id) => goals.every((goal) => !isPart(goal, id)))
  if (stranger !== undefined)
    refuse(
      `expected --only to name goals of ${goals.map(({ id }) => id).join(', ')}, got "${stranger}"`,
    )
  return goals.filter((goal) => ids.some((id) => isPart(goal, id)))
}

/** `P2` names all of its settings; `S1`, which is a goal itself, only that one. */
function isPart(goal: Goal, id: string): boolean {
  const own = goal.id.toUpperCase()
  if (own === id) return true
  return own.startsWith(`${id}.`) && goals.every((other) => other.id.toUpperCase() !== id)
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    refuse(`expected ${name} to be an integer from 1, got "${text}"`)
  return value
}

async function run(list: readonly Goal[]): Promise<void> {
  const rounds = whole('--rounds', values.rounds)
  const [seconds, minutes] = [
    whole('--seconds', values.seconds),
    whole('--minutes', values.minutes),
  ]
  const say = (text: string): void => void process.stderr.write(`${text}\n`)
  if (runnerAdvice !== undefined) say(runnerAdvice)
  const lab = openLab(process.env['TAILRACE_DATA'] || '.tailrace', seconds, minutes)
  try {
    for (const goal of list) {
      try {
        const result = await runGoal(goal, lab, {
          rounds,
          profileInto: values.profile,
          progress: say,
        })
        process.stdout.write(values.json ? JSON.stringify(result) + '\n' : inWords(result))
      } catch (error) {
        // The others are still worth their time.
        say(`${goal.id} failed: ${error instanceof Error ? error.stack : String(error)}`)
        process.exitCode = 1
      }
    }
  } finally {
    await lab.close()
  }
}

function inWords(result: GoalResult): string {
  const verdict = result.reached ? 'reached' : 'MISSED'
  const also = Object.entries(result.also).map(([name, value]) => `; ${name} ${format(value)}`)
  return (
    `${result.id.padEnd(9)} ${verdict.padEnd(8)} ${result.name}\n` +
    `          ${format(result.product)} ${result.unit} = ${result.ratio} × ${result.ceilingName} (${format(result.ceiling)}), ` +
    `${result.lo} to ${result.hi} over ${result.rounds} rounds, target ${result.sense.replace('-', ' ')} ${result.target}\n` +
    `          ${format(result.cpuUsPerOp)} µs CPU per operation, ceiling ${format(result.ceilingCpuUsPerOp)}${also.join('')}; others used ${Math.round(result.foreignCpu * 100)} % of the cores\n`
  )
}
