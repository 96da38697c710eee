/** What is to be seen of one server after a step, when nothing moves any more. */
export interface Seen {
  /** How things ended in this step, by text. */
  readonly outcomes: readonly string[]
  /** Sessions that wait for another one. */
  readonly blocked: readonly string[]
  /** Sessions that have a transaction id, by it. */
  readonly running: readonly string[]
  /** Committed rows. */
  readonly rows: readonly string[]
  /** Committed events by id: stream, version, which of the transactions by its id, position. */
  readonly log: readonly string[]
  readonly commands: readonly number[]
  readonly timers: readonly string[]
}

/** An event as it was found. */
export interface LogEntry {
  readonly event: string
  readonly xid: number
  readonly position: string | undefined
}

/** Transaction ids of different servers differ; their order must not. */
export function logText(entries: readonly LogEntry[]): string[] {
  const xids = [...new Set(entries.map(({ xid }) => xid))].toSorted((a, b) => a - b)
  return entries.map(
    ({ event, xid, position }) => `${event} of t${xids.indexOf(xid) + 1} at ${position ?? 'none'}`,
  )
}

/** What differs, a line each; empty when nothing does. */
export function differences(simulated: Seen, real: Seen): string[] {
  const lines: string[] = []
  for (const key of Object.keys(real) as (keyof Seen)[]) {
    const [here, there] = [simulated[key].join('; '), real[key].join('; ')]
    if (here !== there)
      lines.push(`${key}: simulated [${here}]`, `${' '.repeat(key.length)}  real      [${there}]`)
  }
  return lines
}
