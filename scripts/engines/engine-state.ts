import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { processIdentity } from '../../packages/postgres/src/embedded/process-identity.ts'
import type { EngineName } from './engine-names.ts'

/** How one engine was set up: enough to find, stop and start it without knowing which engine it is. */
export interface EngineState {
  readonly name: EngineName
  readonly version: string
  /** What clients connect to: a URL; for brokers `host:port,host:port`. */
  readonly url: string
  readonly nodes: readonly EngineNode[]
}

/** One process of an engine. */
export interface EngineNode {
  /** From 1. */
  readonly number: number
  /** Where clients reach it, on the loopback interface. */
  readonly port: number
  /** Every port that it listens on. */
  readonly ports: readonly number[]
  readonly command: NodeCommand
}

/** How a node is started. The same command starts it again on the same data. */
export interface NodeCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Output is appended here. */
  readonly log: string
  /** Set on top of the environment; null removes a variable. */
  readonly env?: Readonly<Record<string, string | null>>
  /** Where the program leaves the server's process id, when it ends as soon as the server runs. */
  readonly pidFile?: string
}

/** Ids are used again: a process is known by its id and by when it started. */
export interface ProcessRecord {
  readonly pid: number
  readonly identity: string
}

const root = join(import.meta.dirname, '..', '..')

/** Where engines keep their data: ENGINES_DATA, else `.tailrace/engines` of this checkout. */
export function dataFolder(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['ENGINES_DATA'] || join(root, '.tailrace', 'engines'))
}

/** How the engine was set up in this data folder; undefined when it never was. */
export function readState(name: EngineName, data = dataFolder()): EngineState | undefined {
  return readJson<EngineState>(join(data, name, 'state.json'))
}

export function writeState(state: EngineState, data = dataFolder()): void {
  writeJson(join(data, state.name, 'state.json'), state)
}

/** The running process of a node; undefined when it does not run. */
export function processOf(
  name: EngineName,
  node: number,
  data = dataFolder(),
): ProcessRecord | undefined {
  const record = readJson<ProcessRecord>(processFile(name, node, data))
  return record !== undefined && processIdentity(record.pid) === record.identity
    ? record
    : undefined
}

/** Remembers that this process is the node. */
export function recordProcess(
  name: EngineName,
  node: number,
  pid: number,
  data = dataFolder(),
): void {
  const record: ProcessRecord = { pid, identity: processIdentity(pid) ?? 'gone' }
  writeJson(processFile(name, node, data), record)
}

function processFile(name: EngineName, node: number, data: string): string {
  return join(data, name, `node-${node}.process.json`)
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}

/** In one step: a reader sees the old text or the new one. */
function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`)
  renameSync(draft, path)
}
