import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { processIdentity } from '../../packages/postgres/src/embedded/process-identity.ts'
import type { EngineNode, NodeCommand } from './engine-state.ts'

/** Starts a node's program as a process of its own, which outlives this one. Resolves to the server's process id. */
export async function launch(node: EngineNode): Promise<number> {
  const { command } = node
  await portsFree(node)
  mkdirSync(dirname(command.log), { recursive: true })
  const output = openSync(command.log, 'a')
  try {
    const child = spawn(command.program, command.args, {
      cwd: command.cwd,
      detached: true,
      stdio: ['ignore', output, output],
      env: environmentOf(command),
    })
    await once(child, 'spawn')
    if (command.pidFile === undefined) {
      child.unref()
      return child.pid!
    }
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`ended with ${code}: ${logTail(command)}`)
    return Number(readFileSync(command.pidFile, 'utf8'))
  } finally {
    closeSync(output)
  }
}

function environmentOf({ env = {} }: NodeCommand): NodeJS.ProcessEnv {
  const result = { ...process.env }
  for (const [name, value] of Object.entries(env)) {
    if (value === null) delete result[name]
    else result[name] = value
  }
  return result
}

/** The last lines that a node wrote. */
export function logTail({ log }: NodeCommand): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
  } catch {
    return 'it wrote nothing'
  }
}

/** Waits until a process is gone with all its threads, and so its sockets. False when it is still there after the time. */
export async function gone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (!isGone(pid)) {
    if (performance.now() > deadline) return false
    await pause(20)
  }
  return true
}

/** Whether a process has ended with all its threads. */
export function isGone(pid: number): boolean {
  return processIdentity(pid) === undefined && threadsOf(pid) <= 1
}

/** A killed process shows as ended while its threads still close what they hold. */
function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    return 0
  }
}

/** A port of a process that has just ended is held a moment longer. */
async function portsFree({ ports }: EngineNode): Promise<void> {
  for (const port of ports) {
    for (let attempt = 0; await taken(port); attempt++) {
      if (attempt === 50) throw new Error(`port ${port} is taken by another process`)
      await pause(100)
    }
  }
}

/** Whether somebody listens on a port of the loopback interface. */
export function taken(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.setTimeout(1_000, () => socket.destroy(new Error('silent')))
    socket.once('connect', () => {
      done(true)
      socket.destroy()
    })
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code !== 'ECONNREFUSED'))
  })
}
