import { commandLineWithWords, refuse } from './command-line.ts'
import { engineNames, isEngineName, type EngineName } from './engines/engine-names.ts'
import { down, status, up, type EngineAnswer } from './engines/up-and-down.ts'

const usage = `Real engines on this machine, without containers. See docs/engines.md.
  npm run engines -- up [name…] [--json] [--fresh]   get, set up and start; without names: all. --fresh removes old data
  npm run engines -- down [name…] [--json]           stop; data stay
  npm run engines -- status [name…] [--json]
Names: ${engineNames.join(', ')}.
Steps go to standard error, answers to standard output. Exit code 1 when an engine that was asked for does not serve, or
does not stop; status without names asks for none, and only tells.`

const { values, words } = commandLineWithWords(usage, {
  json: { type: 'boolean' },
  fresh: { type: 'boolean' },
})
const [command, ...asked] = words
const unknown = asked.filter((name) => !isEngineName(name))
if (unknown.length > 0 || !['up', 'down', 'status'].includes(command ?? '')) {
  const expected = `expected up, down or status and names out of ${engineNames.join(', ')}`
  refuse(`${expected}, got ${words.join(' ') || 'nothing'}`)
}
const names: readonly EngineName[] = asked.length > 0 ? asked.filter(isEngineName) : engineNames
const began = performance.now()

function say(line: string): void {
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  console.error(`${seconds.padStart(6)} s  ${line}`)
}

function answerFor(name: EngineName): Promise<EngineAnswer> {
  if (command === 'up') return up(name, values.fresh === true, say)
  return command === 'down' ? down(name, say) : status(name)
}

const answers = Object.fromEntries(
  await Promise.all(names.map(async (name) => [name, await answerFor(name)] as const)),
) as Readonly<Record<EngineName, EngineAnswer>>

if (values.json === true) console.log(JSON.stringify(answers))
else for (const [name, answer] of Object.entries(answers)) console.log(lineOf(name, answer))

const wanted = command === 'down' ? ['stopped', 'absent'] : ['running']
const failed = Object.values(answers).some(({ state }) => !wanted.includes(state))
process.exitCode = failed && (command !== 'status' || asked.length > 0) ? 1 : 0

function lineOf(name: string, { state, url, version, pid, pids, why }: EngineAnswer): string {
  const processes = pids?.join(', ') ?? pid
  return [
    name.padEnd(14),
    state.padEnd(8),
    version ?? '',
    url ?? '',
    processes === undefined ? '' : `pid ${processes}`,
    why ?? '',
  ]
    .join('  ')
    .trimEnd()
}
