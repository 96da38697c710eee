import { fork, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { Lab, LabDatabase } from '../engines/lab.ts'
import { cpuSeconds } from '../harness/cpu-time.ts'
import type { Goal, Measured } from '../harness/goal.ts'
import type { CatchUpRequest } from '../workloads/catch-up-child.ts'
import { generateLog } from '../workloads/generated-log.ts'
import { orderDatabase } from '../workloads/order-system.ts'

const eventsBehind = 1_000_000
const limitMib = 512

const common = {
  unit: 'MiB resident at most',
  target: 1,
  sense: 'at-most',
  ceilingName: 'the limit',
  rounds: 1,
  onRequest: true,
} as const

/** A worker with all read models of the order system, far behind: how large its process becomes until it has caught up. */
export const caughtUpInMemory: readonly Goal[] = [
  {
    ...common,
    id: 'M1.follow',
    name: `a worker ${eventsBehind.toLocaleString('en')} events behind catches up, following`,
    prepare: (lab) => prepare(lab, 'follow'),
  },
  {
    ...common,
    id: 'M1.build',
    name: `a worker builds its read models from ${eventsBehind.toLocaleString('en')} events`,
    prepare: (lab) => prepare(lab, 'build'),
  },
]

async function prepare(lab: Lab, how: 'follow' | 'build') {
  const [write, read] = await Promise.all([orderDatabase(lab), lab.database('read')])
  const request = { writeUrl: write.url, readUrl: read.url, statusPath: lab.folder('order-status') }
  let head = 0n
  return {
    async product(round: number): Promise<Measured> {
      // The warm-up makes the log. What has started before the log was long follows it; what is new is built in bulk.
      if (round === -1) {
        if (how === 'follow')
          await catchUp(lab, { ...request, position: await shortLog(lab, write) })
        head = (await generateLog(lab, write, eventsBehind)).head
        await write.run('vacuum analyze')
        return { value: 0, cpuUsPerOp: 0 }
      }
      return catchUp(lab, { ...request, position: String(head) })
    },
    ceiling: async () => ({ value: limitMib, cpuUsPerOp: 0 }),
    close: async () => undefined,
  }
}

async function shortLog(lab: Lab, write: LabDatabase): Promise<string> {
  return String((await generateLog(lab, write, 4)).head)
}

/** Runs a worker in a process of its own until it is there, and reads how large that process became. */
async function catchUp(lab: Lab, request: CatchUpRequest): Promise<Measured> {
  const before = cpuSeconds(lab.serverPids())
  const began = performance.now()
  const child = fork(new URL('../workloads/catch-up-child.ts', import.meta.url), {
    execArgv: ['--conditions=source'],
  })
  let peak = 0
  const sampling = setInterval(() => {
    peak = Math.max(peak, residentMib(child.pid!))
  }, 20)
  try {
    await caughtUp(child, request)
    peak = Math.max(peak, residentMib(child.pid!))
  } finally {
    clearInterval(sampling)
    await ended(child)
  }
  return {
    value: peak,
    cpuUsPerOp: ((cpuSeconds(lab.serverPids()) - before) * 1e6) / Number(request.position),
    also: { seconds: (performance.now() - began) / 1_000 },
  }
}

function caughtUp(child: ChildProcess, request: CatchUpRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) =>
      reject(new Error(`expected the worker to catch up, got exit code ${code}`)),
    )
    child.send(request)
  })
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.disconnect()
  })
}

/** The high-water mark of a process, so that no peak between two samples is missed. */
function residentMib(pid: number): number {
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) return 0
  const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(path, 'latin1'))?.[1]
  return Number(kib ?? 0) / 1_024
}
