import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineName } from '../../scripts/engines/engine-names.ts'
import { processOf, readState } from '../../scripts/engines/engine-state.ts'

/** What can be done to a system on this machine. */
export interface Capabilities {
  /** Small file systems of their own can be mounted, so that they can be full. */
  readonly smallDisks: boolean
  /** The library that gives a process another clock. */
  readonly clockLibrary: string | undefined
  /** Engines that run, out of those that were asked for. */
  readonly engines: readonly EngineName[]
  /** What is not possible, and why: one line each. */
  readonly missing: readonly string[]
}

const clockLibraries = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
]

export function probe(engines: readonly EngineName[]): Capabilities {
  const missing: string[] = []
  const smallDisks = canMount()
  if (!smallDisks) missing.push('full disks: no small file system can be mounted here (needs root)')
  const clockLibrary = clockLibraries.find((path) => existsSync(path))
  if (clockLibrary === undefined)
    missing.push('jumping clocks: libfaketime is not installed (apt-get install faketime)')
  const running = engines.filter((name) => runs(name))
  for (const name of engines)
    if (!running.includes(name))
      missing.push(`${name}: it does not run here (npm run engines -- up ${name})`)
  return { smallDisks, clockLibrary, engines: running, missing }
}

function runs(name: EngineName): boolean {
  const state = readState(name)
  return (
    state !== undefined && state.nodes.every(({ number }) => processOf(name, number) !== undefined)
  )
}

/** Whether this process may mount file systems. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-mount-'))
  try {
    mountSmall(folder, 1)
    unmount(folder)
    return true
  } catch {
    return false
  } finally {
    rmdirSync(folder)
  }
}

/** A file system in memory of so many MiB. */
export function mountSmall(folder: string, mebibytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], {
    stdio: 'pipe',
  })
}

export function unmount(folder: string): void {
  execFileSync('umount', [folder], { stdio: 'pipe' })
}
