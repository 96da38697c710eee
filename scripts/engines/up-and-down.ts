import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { allServe, serves } from './ask-engine.ts'
import { startAll, stopAll } from './engine-control.ts'
import type { EngineName } from './engine-names.ts'
import { engineRecipes } from './engine-recipes.ts'
import type { Say } from './engine-recipe.ts'
import { dataFolder, processOf, readState, writeState, type EngineState } from './engine-state.ts'
import { locked } from './folder-lock.ts'
import { taken } from './node-process.ts'

/** What is known of one engine after a command. */
export interface EngineAnswer {
  /**
   * `running` it serves; `silent` its processes run but it does not answer; `partly` some of its nodes run; `stopped`;
   * `absent` it was never set up here; `failed` it could not be started, see `why`.
   */
  readonly state: 'running' | 'silent' | 'partly' | 'stopped' | 'absent' | 'failed'
  readonly url?: string
  readonly version?: string
  /** Of the first node that runs; `pids` are those of all, when there are several. */
  readonly pid?: number
  readonly pids?: readonly number[]
  /** How long the command took. */
  readonly seconds?: number
  readonly why?: string
}

/** Brings an engine to serve: gets it, sets it up, starts what does not run. May be called again and again. Never throws. */
export async function up(name: EngineName, fresh: boolean, say: Say): Promise<EngineAnswer> {
  const began = performance.now()
  const seconds = () => Math.round((performance.now() - began) / 100) / 10
  try {
    const state = await alone(name, () => bring(name, fresh, (line) => say(`${name}: ${line}`)))
    const answer = { ...(await answerOf(state)), seconds: seconds() }
    say(`${name}: serves at ${state.url} (${state.version}, ${answer.seconds} s)`)
    return answer
  } catch (error) {
    const why = oneLine(error)
    say(`${name}: cannot be run here: ${why}`)
    return { state: 'failed', why, seconds: seconds() }
  }
}

/** Stops an engine; its data stay. Never throws. */
export async function down(name: EngineName, say: Say): Promise<EngineAnswer> {
  const began = performance.now()
  const state = readState(name)
  if (state === undefined) return { state: 'absent' }
  try {
    await alone(name, () => stopAll(state))
    const answer = await answerOf(state)
    say(`${name}: ${answer.state}`)
    return { ...answer, seconds: Math.round((performance.now() - began) / 100) / 10 }
  } catch (error) {
    return { state: 'failed', why: oneLine(error) }
  }
}

/** What went wrong, for a list: the end of a log has several lines, and may be long. */
function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/g, ' ').slice(0, 600)
}

export async function status(name: EngineName): Promise<EngineAnswer> {
  const state = readState(name)
  return state === undefined ? { state: 'absent' } : answerOf(state)
}

/** One command at a time changes an engine. */
function alone<T>(name: EngineName, task: () => Promise<T>): Promise<T> {
  return locked(join(dataFolder(), `${name}.lock`), task)
}

async function bring(name: EngineName, fresh: boolean, say: Say): Promise<EngineState> {
  const before = readState(name)
  const runs = before?.nodes.filter(({ number }) => processOf(name, number) !== undefined) ?? []
  if (before !== undefined && !fresh && runs.length > 0) {
    await startAll(before)
    return before
  }
  if (before !== undefined) await stopAll(before)
  const installed = await engineRecipes[name].install(say)
  const folder = join(dataFolder(), name)
  if (fresh || before === undefined) rmSync(folder, { recursive: true, force: true })
  else if (before.version !== installed.version)
    throw new Error(
      `its data are of version ${before.version}, and ${installed.version} is to run; npm run engines -- up ${name} --fresh removes them`,
    )
  mkdirSync(folder, { recursive: true })
  const port = before?.nodes[0]?.port ?? (await freePorts(name))
  const setup = await engineRecipes[name].configure(installed, folder, port)
  const state: EngineState = { name, version: installed.version, ...setup }
  writeState(state)
  say('starting')
  await startAll(state)
  return state
}

/** The engine's usual ports, or the next ones that are all free. */
async function freePorts(name: EngineName): Promise<number> {
  const { port, ports } = engineRecipes[name]
  for (let first = port; first < port + 1_000; first += ports) {
    const asked = Array.from({ length: ports }, (_, n) => taken(first + n))
    if (!(await Promise.all(asked)).includes(true)) return first
  }
  throw new Error(`expected ${ports} free ports in a row from ${port}, got none`)
}

async function answerOf(state: EngineState): Promise<EngineAnswer> {
  const pids = state.nodes.flatMap(({ number }) => processOf(state.name, number)?.pid ?? [])
  const known = { url: state.url, version: state.version }
  if (pids.length === 0) return { state: 'stopped', version: state.version }
  const running = { ...known, pid: pids[0]!, ...(pids.length > 1 ? { pids } : {}) }
  if (pids.length < state.nodes.length) return { state: 'partly', ...running }
  const answers = state.nodes.length === 1 ? serves(state, state.nodes[0]!) : allServe(state)
  return { state: (await answers) ? 'running' : 'silent', ...running }
}
