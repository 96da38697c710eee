/** What a statement of the database can see: transactions below `xmax` that are not among those running. */
export interface Snapshot {
  readonly xmax: number
  readonly running: readonly number[]
}

export function sees(snapshot: Snapshot, xid: number): boolean {
  return xid < snapshot.xmax && !snapshot.running.includes(xid)
}

/** As PostgreSQL writes it: `xmin:xmax:running,…`. */
export function snapshotText({ xmax, running }: Snapshot): string {
  return `${running[0] ?? xmax}:${xmax}:${running.join()}`
}

export function parseSnapshot(text: string): Snapshot {
  const [, xmax, running] = text.split(':')
  return { xmax: Number(xmax), running: running === '' ? [] : running!.split(',').map(Number) }
}
