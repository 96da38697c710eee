import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mulberry32 } from 'tailrace/testing'
import { commandLine } from '../../scripts/command-line.ts'
import { isEngineName, type EngineName } from '../../scripts/engines/engine-names.ts'
import { readState } from '../../scripts/engines/engine-state.ts'
import { audit } from './audit.ts'
import { buildSource, scriptOf } from './build-faults.ts'
import { probe } from './capabilities.ts'
import { runFaults } from './chaos-run.ts'
import { chaosWorld, type ChaosWorld, type EngineEnv, type RoleName } from './chaos-world.ts'
import { TurnedClocks } from './clock-faults.ts'
import { diskSource, SmallDisk } from './disk-faults.ts'
import { faultClasses, isFaultClass, type FaultClass, type FaultSource } from './fault.ts'
import { networkSource } from './network-faults.ts'
import { grown, startLoad, type Load, type Reachable } from './order-load.ts'
import { killSource, pauseSource } from './process-faults.ts'
import { settled } from './settled.ts'
import { Releases } from './version-faults.ts'

const usage = `npm run chaos -- [--minutes 5] [--seed n] [--engines redis,clickhouse,opensearch,kafka] [--only ${faultClasses.join()}] [--callers 8] [--other-build folder]
The order system as several real processes under load, while things go wrong. Engines must run: npm run engines -- up redis …
--other-build is another checkout of this repository, ready to run: processes then change between the two builds.
Ctrl-C ends the faults and checks what there is. The last line is "N passed, N failed"; lines that begin with "not run: " say
what this machine cannot do.`

const values = commandLine(usage, {
  minutes: { type: 'string', default: '5' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  engines: { type: 'string', default: '' },
  only: { type: 'string', default: faultClasses.join() },
  callers: { type: 'string', default: '8' },
  'other-build': { type: 'string', default: '' },
})
const [minutes, seed, callers] = [values.minutes, values.seed, values.callers].map(Number)
const wantedEngines = values.engines.split(',').filter((name) => name !== '')
const wantedClasses = values.only.split(',')
if (
  !(minutes! > 0) ||
  !Number.isInteger(seed) ||
  !(callers! > 0) ||
  !wantedEngines.every(isEngineName) ||
  !wantedClasses.every(isFaultClass)
) {
  console.error(
    `expected --minutes, --seed and --callers as numbers, --engines of the names that "npm run engines" knows, --only of ${faultClasses.join()}, got ${process.argv.slice(2).join(' ')}`,
  )
  process.exit(2)
}

const began = performance.now()
const say = (line: string): void =>
  console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${line}`)
const stopping = new AbortController()
process.once('SIGINT', () => stopping.abort())
process.once('SIGTERM', () => stopping.abort())

const can = probe(wantedEngines as EngineName[])
for (const line of can.missing) console.log(`not run: ${line}`)
const otherScript = values['other-build'] === '' ? undefined : scriptOf(values['other-build'])
if (values['other-build'] !== '' && otherScript === undefined) {
  console.error(`expected --other-build to be another checkout, got "${values['other-build']}"`)
  process.exit(2)
}
if (otherScript === undefined && wantedClasses.includes('build'))
  console.log('not run: build: no other build to change to (--other-build)')

const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-chaos-'))
const disks =
  can.smallDisks && wantedClasses.includes('disk')
    ? ['write', 'read', 'order-status'].map((name) => new SmallDisk(dataDir, name))
    : []
const clocks =
  can.clockLibrary !== undefined && wantedClasses.includes('clock')
    ? new TurnedClocks(dataDir, can.clockLibrary)
    : undefined

const roles: Record<string, readonly RoleName[]> = {
  'api-1': ['api', 'timer'],
  'api-2': ['api', 'timer'],
  'sequencer-1': can.engines.some(isBus) ? ['sequencer', 'relay'] : ['sequencer'],
  'sequencer-2': can.engines.some(isBus) ? ['sequencer', 'relay'] : ['sequencer'],
  'worker-1': ['worker'],
  'worker-2': ['worker'],
}
say(
  `seed ${seed}, ${minutes} minutes, ${Object.keys(roles).length} processes${can.engines.length === 0 ? '' : `, with ${can.engines.join(', ')}`}`,
)

const failures: string[] = []
let passed = 0
const check = (what: string, breaches: readonly string[]): void => {
  if (breaches.length === 0) passed++
  for (const breach of breaches) failures.push(`${what}: ${breach}`)
}

let world: ChaosWorld | undefined
try {
  world = await chaosWorld(roles, {
    dataDir,
    linked: true,
    engines: engineEnv(can.engines, `chaos-${seed}-${process.pid}`),
    // A disk that is full soon, and not only at the next checkpoint.
    settings: { max_wal_size: '128MB', min_wal_size: '64MB' },
    ...(clocks === undefined ? {} : { envOf: (name) => clocks.envOf(name) }),
  })
  say('everything runs')
  await harm(world)
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
} finally {
  await world?.close()
  for (const disk of disks) disk.remove()
  rmSync(dataDir, { recursive: true, force: true })
}
for (const failure of failures) console.log(`FAIL ${failure}`)
console.log(`${passed} passed, ${failures.length} failed`)
process.exit(failures.length === 0 ? 0 : 1)

async function harm(here: ChaosWorld): Promise<void> {
  const random = mulberry32(seed!)
  const apis = here.processes.filter(({ name }) => name.startsWith('api'))
  let turn = 0
  const api: Reachable = {
    get url() {
      return apis[turn++ % apis.length]!.url
    },
  }
  const load = startLoad(api, seed!, callers!, { pauseMs: 20, reads: true })
  const releases = new Releases(here)
  const sources = new Map<FaultClass, FaultSource>(
    Object.entries({
      kill: killSource(here, can.engines),
      pause: pauseSource(here, can.engines),
      network: networkSource(here.links),
      ...(disks.length === 0 ? {} : { disk: diskSource(disks) }),
      ...(clocks === undefined ? {} : { clock: clocks.source(Object.keys(roles)) }),
      version: releases.source,
      ...(otherScript === undefined ? {} : { build: buildSource(here, otherScript) }),
    }).filter(([kind]) => wantedClasses.includes(kind)) as [FaultClass, FaultSource][],
  )
  await grown(load.acknowledged, 20)
  const ticking = setInterval(() => report(load), 30_000)
  try {
    const counts = await runFaults({
      random,
      until: performance.now() + minutes! * 60_000,
      sources,
      progress: () => grown(load.acknowledged, 10, 120_000),
      say,
      signal: stopping.signal,
    })
    say(`over: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(', ')}`)
    await grown(load.acknowledged, 20, 120_000)
  } finally {
    clearInterval(ticking)
    here.links.heal()
    await load.stop()
  }
  report(load)
  await Promise.all(here.processes.map((one) => one.ready()))
  await settled(api)
  say('at rest')
  const { release } = releases
  const found = await audit(here, load.acknowledged, { release, operations: load.operations })
  say(
    `${found.events} events, ${found.documents} documents and ${load.operations.length} calls were looked at`,
  )
  check(
    'nothing that was acknowledged is lost or done twice, tables and read models are the fold',
    found.breaches,
  )
  check(
    'no process ends by itself',
    here.processes.flatMap(({ name, crashes }) => crashes.map((crash) => `${name}: ${crash}`)),
  )
}

function report({ acknowledged, troubles, reads }: Load): void {
  const text = (counts: ReadonlyMap<string, number>): string =>
    JSON.stringify(Object.fromEntries(counts))
  say(`${acknowledged.length} acknowledged, answers ${text(reads)}, troubles ${text(troubles)}`)
}

function isBus(name: EngineName): boolean {
  return name === 'kafka' || name === 'kafka3'
}

function engineEnv(engines: readonly EngineName[], prefix: string): EngineEnv {
  const env: Record<string, string> = { ENGINE_PREFIX: prefix }
  for (const name of engines) {
    const { url, nodes } = readState(name)!
    if (name === 'redis') env['REDIS_URL'] = url
    if (name === 'clickhouse') env['CLICKHOUSE_URL'] = url
    if (name === 'opensearch' || name === 'elasticsearch') env['SEARCH_URL'] = url
    if (isBus(name)) env['KAFKA_BROKERS'] = url
    if (isBus(name) && nodes.length === 1) env['KAFKA_DURABILITY'] = 'single'
  }
  return env
}
