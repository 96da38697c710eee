import { commandLine, refuse } from './command-line.ts'
import { engineNames, isEngineName, type EngineName } from './engines/engine-names.ts'
import { status } from './engines/up-and-down.ts'
import { chooseEngines } from './test-engines/choose-engines.ts'
import { bringUp } from './test-engines/bring-up.ts'
import { preparePython } from './test-engines/python-consumer.ts'
import { suitesFor } from './test-engines/suites.ts'
import type { StageResult } from './test-run/stage.ts'
import { vitestStage } from './test-run/vitest-stage.ts'

const usage = `Runs the tests that need real engines (*.engine.test.ts), on engines that it starts and stops.
  npm run test:engines                        all of them
  npm run test:engines -- --only redis,kafka  the suites of these, out of ${engineNames.join(', ')}
Engines that run already are used and left running. What cannot be run is listed as "not run: <engine>: <why>".`

const values = commandLine(usage, { only: { type: 'string' } })
const asked = values.only?.split(',') ?? [...engineNames]
const unknown = asked.filter((name) => !isEngineName(name))
if (unknown.length > 0)
  refuse(`expected names out of ${engineNames.join(', ')}, got ${unknown.join(', ')}`)

const choice = await chooseEngines(asked.filter(isEngineName), values.only !== undefined)
const engines = await bringUp(choice.engines)
const notRun = [...choice.notRun, ...engines.notRun]
if (engines.running.includes('kafka')) {
  const why = await preparePython()
  if (why !== undefined) notRun.push(`the consumer in Python: ${why}`)
}
let passed = 0
let failed = 0

try {
  for (const suite of suitesFor(asked.filter(isEngineName))) {
    console.log(`\n── ${suite.name}`)
    const result = await vitestStage(suite.name, ...suite.args).run()
    passed += result.passed
    failed += result.failed
    notRun.push(...skippedIn(result))
    for (const name of await leftStopped(engines.running)) {
      failed++
      console.log(`FAILED ${suite.name}: it left ${name} stopped`)
    }
  }
} finally {
  await engines.stop()
}

for (const line of notRun) console.log(`not run: ${line}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

/** Groups that an absent engine skipped are told by the engine's own line. */
function skippedIn({ notRun: skipped }: StageResult): string[] {
  return skipped.filter((line) => !line.includes('does not run here'))
}

/** A suite that kills its engine brings it back; else the next one would be skipped unnoticed. */
async function leftStopped(names: readonly EngineName[]): Promise<EngineName[]> {
  const states = await Promise.all(names.map(async (name) => ({ name, ...(await status(name)) })))
  return states.filter(({ state }) => state !== 'running').map(({ name }) => name)
}
