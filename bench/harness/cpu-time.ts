import { readdirSync, readFileSync } from 'node:fs'

/** Ticks per second of /proc/<pid>/stat on Linux. */
const userHz = 100

/**
 * CPU seconds used so far by this process, by children that have ended, and by the servers whose first processes are
 * given with all their children, living and ended. Other processes are counted on Linux only; elsewhere this one alone.
 */
export function cpuSeconds(serverPids: readonly number[]): number {
  const { user, system } = process.cpuUsage()
  const ended = stat(process.pid)?.reaped ?? 0
  return (
    (user + system) / 1e6 +
    ended / userHz +
    serverPids.reduce((sum, pid) => sum + treeSeconds(pid), 0)
  )
}

/** CPU seconds of a process and its children, living and ended. 0 where this cannot be read. */
function treeSeconds(root: number): number {
  const first = stat(root)
  if (first === undefined) return 0
  let ticks = first.own + first.reaped
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) ? stat(Number(name)) : undefined
    if (entry?.parent === root) ticks += entry.own
  }
  return ticks / userHz
}

function stat(
  pid: number,
): { readonly parent: number; readonly own: number; readonly reaped: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    return { parent: fields[1]!, own: fields[11]! + fields[12]!, reaped: fields[13]! + fields[14]! }
  } catch {
    return undefined
  }
}
