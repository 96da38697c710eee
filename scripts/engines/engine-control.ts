import { setTimeout as pause } from 'node:timers/promises'
import { allServe, serves } from './ask-engine.ts'
import {
  processOf,
  recordProcess,
  type EngineNode,
  type EngineState,
  type ProcessRecord,
} from './engine-state.ts'
import { gone, isGone, launch, logTail } from './node-process.ts'

const startMs = 180_000
const stopMs = 30_000
/** A node that has lost the majority of its cluster cannot finish a clean stop. */
const aloneMs = 3_000

/** Starts the nodes that do not run, and waits until the whole engine serves. Throws with the end of the log when one dies. */
export async function startAll(state: EngineState, data?: string): Promise<void> {
  await Promise.all(
    state.nodes
      .filter((node) => processOf(state.name, node.number, data) === undefined)
      .map((node) => launchNode(state, node, data)),
  )
  await until(`${state.name} to serve`, state, state.nodes, () => allServe(state), data)
}

/** Starts one node, on the data that it left. Resolves when it serves. Running already: only waits. */
export async function startNode(state: EngineState, number: number, data?: string): Promise<void> {
  const node = nodeOf(state, number)
  if (processOf(state.name, number, data) === undefined) await launchNode(state, node, data)
  await until(
    `node ${number} of ${state.name} to serve`,
    state,
    [node],
    () => serves(state, node),
    data,
  )
}

/** Ends one node at once (`kill -9`). Resolves when the process is gone. */
export async function killNode(state: EngineState, number: number, data?: string): Promise<void> {
  const running = runningProcess(state, number, data)
  process.kill(running.pid, 'SIGKILL')
  if (!(await gone(running.pid, stopMs)))
    throw new Error(`expected process ${running.pid} to be gone after SIGKILL, got it still there`)
}

/** Stops one node in order, paused or not. Resolves when the process is gone. */
export async function stopNode(state: EngineState, number: number, data?: string): Promise<void> {
  await endInOrder([runningProcess(state, number, data)])
}

/** Stops every node that runs. */
export async function stopAll(state: EngineState, data?: string): Promise<void> {
  const running = state.nodes.flatMap(({ number }) => processOf(state.name, number, data) ?? [])
  await endInOrder(running)
}

/** Freezes one node (SIGSTOP): its connections stay open and silent. */
export function pauseNode(state: EngineState, number: number, data?: string): void {
  process.kill(runningProcess(state, number, data).pid, 'SIGSTOP')
}

export function resumeNode(state: EngineState, number: number, data?: string): void {
  process.kill(runningProcess(state, number, data).pid, 'SIGCONT')
}

async function launchNode(state: EngineState, node: EngineNode, data?: string): Promise<void> {
  try {
    recordProcess(state.name, node.number, await launch(node), data)
  } catch (error) {
    throw new Error(`expected node ${node.number} of ${state.name} to start: ${textOf(error)}`, {
      cause: error,
    })
  }
}

async function until(
  what: string,
  state: EngineState,
  nodes: readonly EngineNode[],
  holds: () => Promise<boolean>,
  data?: string,
): Promise<void> {
  const deadline = performance.now() + startMs
  while (!(await holds())) {
    const dead = nodes.find(({ number }) => processOf(state.name, number, data) === undefined)
    if (dead !== undefined)
      throw new Error(
        `expected ${what}, got an end of node ${dead.number}: ${logTail(dead.command)}`,
      )
    if (performance.now() > deadline)
      throw new Error(`expected ${what} within ${startMs / 1_000} s; see ${nodes[0]!.command.log}`)
    await pause(100)
  }
}

async function endInOrder(running: readonly ProcessRecord[]): Promise<void> {
  for (const { pid } of running) signal(pid, 'SIGTERM')
  // A paused process takes the signal when it goes on.
  for (const { pid } of running) signal(pid, 'SIGCONT')
  const left = await stillThere(running)
  for (const { pid } of left) signal(pid, 'SIGKILL')
  for (const { pid } of left) await gone(pid, stopMs)
}

/** Waits for processes to end; gives those that do not in time, or cannot. */
async function stillThere(running: readonly ProcessRecord[]): Promise<readonly ProcessRecord[]> {
  const deadline = performance.now() + stopMs
  let aloneSince: number | undefined
  for (;;) {
    const left = running.filter(({ pid }) => !isGone(pid))
    const now = performance.now()
    if (running.length > 1 && left.length * 2 <= running.length) aloneSince ??= now
    const hopeless = aloneSince !== undefined && now - aloneSince > aloneMs
    if (left.length === 0 || hopeless || now > deadline) return left
    await pause(50)
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended meanwhile.
  }
}

function runningProcess(state: EngineState, number: number, data?: string): ProcessRecord {
  const running = processOf(state.name, nodeOf(state, number).number, data)
  if (running === undefined)
    throw new Error(`expected node ${number} of ${state.name} to run, got no process; start it`)
  return running
}

function nodeOf(state: EngineState, number: number): EngineNode {
  const node = state.nodes.find((each) => each.number === number)
  if (node === undefined)
    throw new Error(
      `expected a node of ${state.name} from 1 to ${state.nodes.length}, got ${number}`,
    )
  return node
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
