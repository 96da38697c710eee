import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { platform } from 'node:os'

/**
 * Process ids are used again, in containers after every restart. These two questions tell whether a process is still
 * the one that was meant; both answer undefined for a process that is gone or only waits to be reaped.
 */

/** What a process has that a later one of the same id has not: its start time, and the boot it belongs to. */
export function processIdentity(pid: number): string | undefined {
  if (platform() !== 'linux') return ps(pid, 'lstart=')
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the program's name in parentheses and may hold spaces; the state is the third, the start the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return `${fields[19]} ${read('/proc/sys/kernel/random/boot_id')?.trim() ?? ''}`
}

/** The command line of a process. */
export function commandLine(pid: number): string | undefined {
  if (platform() !== 'linux') return ps(pid, 'command=')
  const text = read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim()
  return text === '' ? undefined : text
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function ps(pid: number, field: string): string | undefined {
  try {
    const text = execFileSync('ps', ['-ww', '-o', field, '-p', String(pid)], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
    return text === '' || text.endsWith('<defunct>') ? undefined : text
  } catch {
    return undefined
  }
}
