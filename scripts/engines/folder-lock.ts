import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { processIdentity } from '../../packages/postgres/src/embedded/process-identity.ts'

const waitMs = 15 * 60_000

/** Runs a task while no other process runs one under the same lock file. What a killed process left behind does not count. */
export async function locked<T>(file: string, task: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true })
  const deadline = performance.now() + waitMs
  while (!take(file)) {
    if (performance.now() > deadline)
      throw new Error(
        `expected ${file} to be free within ${waitMs / 60_000} minutes; see who has it`,
      )
    await pause(100)
  }
  try {
    return await task()
  } finally {
    rmSync(file, { force: true })
  }
}

function take(file: string): boolean {
  const mine = JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) })
  try {
    writeFileSync(file, mine, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!heldByTheLiving(file)) rmSync(file, { force: true })
    return false
  }
}

function heldByTheLiving(file: string): boolean {
  try {
    const { pid, identity } = JSON.parse(readFileSync(file, 'utf8')) as {
      pid: number
      identity: string
    }
    return processIdentity(pid) === identity
  } catch {
    // It is being written, or has just gone.
    return true
  }
}
