import { killNode, pauseNode, resumeNode, startNode } from '../../scripts/engines/engine-control.ts'
import type { EngineName } from '../../scripts/engines/engine-names.ts'
import { processOf, readState } from '../../scripts/engines/engine-state.ts'
import type { ChaosWorld } from './chaos-world.ts'
import { milliseconds, pick, type Fault, type FaultSource } from './fault.ts'

/** Something with a process id, which may be down at this moment. */
interface Victim {
  readonly name: string
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void
  /** Brings it back after a kill; undefined: it comes back by itself. */
  readonly start?: () => Promise<void>
}

/** Leases last ten seconds: some pauses are longer, so that others take over before the process goes on. */
const pauseMs = { least: 200, most: 16_000 }
const engineDownMs = { least: 500, most: 8_000 }

export function killSource(world: ChaosWorld, engines: readonly EngineName[]): FaultSource {
  const victims = [...ownProcesses(world), ...servers(world), ...engineNodes(engines)]
  return (random) => {
    const { name, signal, start } = pick(random, victims)
    return {
      kind: 'kill',
      what: name,
      forMs: start === undefined ? 0 : milliseconds(random, engineDownMs.least, engineDownMs.most),
      begin: () => signal('SIGKILL'),
      end: async () => start?.(),
    }
  }
}

export function pauseSource(world: ChaosWorld, engines: readonly EngineName[]): FaultSource {
  const victims = [...ownProcesses(world), ...servers(world), ...engineNodes(engines)]
  return (random): Fault => {
    const { name, signal } = pick(random, victims)
    return {
      kind: 'pause',
      what: name,
      forMs: milliseconds(random, pauseMs.least, pauseMs.most),
      begin: () => signal('SIGSTOP'),
      end: () => signal('SIGCONT'),
    }
  }
}

function ownProcesses({ processes }: ChaosWorld): Victim[] {
  return processes.map((one) => ({ name: one.name, signal: (signal) => one.signal(signal) }))
}

/** A pause stops the first process: no connection is accepted, those that are open go on. */
function servers({ write, read }: ChaosWorld): Victim[] {
  return Object.entries({ 'write server': write, 'read server': read }).map(([name, server]) => ({
    name,
    signal: (signal) => send(server.pid, signal),
  }))
}

function engineNodes(engines: readonly EngineName[]): Victim[] {
  return engines.flatMap((name) => {
    const state = readState(name)!
    return state.nodes.map(({ number }): Victim => ({
      name: state.nodes.length === 1 ? name : `${name} node ${number}`,
      signal: (signal) => {
        if (processOf(name, number) === undefined) return
        if (signal === 'SIGSTOP') pauseNode(state, number)
        if (signal === 'SIGCONT') resumeNode(state, number)
        if (signal === 'SIGKILL') void killNode(state, number)
      },
      start: () => startNode(state, number),
    }))
  })
}

/** It may have just been killed. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
