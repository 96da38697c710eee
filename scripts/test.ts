import { parseArgs } from 'node:util'
import { programStage, type Stage } from './test-run/stage.ts'
import { vitestStage } from './test-run/vitest-stage.ts'

// `npm test`: every check of the repository, one stage after another. A failing stage does not hide the next ones.
// `npm test -- --only types,tests` runs some of them.

const stages: readonly Stage[] = [
  programStage('format', 'oxfmt', '--check'),
  programStage('lint', 'oxlint'),
  programStage('types', 'tsc', '-p', 'tsconfig.json'),
  programStage('tidy', process.execPath, '--conditions=source', 'scripts/tidy.ts'),
  // What needs a real engine has a run of its own: `npm run test:engines`.
  vitestStage('tests', '--exclude', 'test/chaos/**', '--exclude', '**/*.engine.test.ts'),
  // Processes and servers are killed under load: alone, one file at a time.
  vitestStage('chaos', 'test/chaos', '--no-file-parallelism'),
]

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const wanted = values.only?.split(',') ?? stages.map(({ name }) => name)
const unknown = wanted.filter((name) => !stages.some((stage) => stage.name === name))
if (unknown.length > 0) {
  console.error(
    `expected stages out of ${stages.map(({ name }) => name).join(', ')}, got ${unknown.join(', ')}`,
  )
  process.exit(2)
}

let passed = 0
let failed = 0
const summary: string[] = []
const notRun: string[] = []

for (const stage of stages.filter(({ name }) => wanted.includes(name))) {
  console.log(`\n── ${stage.name}`)
  const started = performance.now()
  const result = await stage.run()
  passed += result.passed
  failed += result.failed
  notRun.push(...result.notRun)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  summary.push(
    `${result.failed === 0 ? 'ok    ' : 'FAILED'} ${stage.name.padEnd(10)} ${seconds.padStart(6)} s`,
  )
  console.log(summary.at(-1))
}

console.log(`\n${summary.join('\n')}`)
for (const line of notRun) console.log(`not run: ${line}`)
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
