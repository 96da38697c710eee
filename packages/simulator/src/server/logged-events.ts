import type { LoggedEvent } from '../checker/history.ts'
import type { DatabaseState } from './database-state.ts'
import { recorded } from './event-log.ts'

/** The log as checks read it. */
export function loggedEvents({ sequenced }: DatabaseState): LoggedEvent[] {
  return sequenced.map(({ position, row }) => ({
    ...recorded(position, row),
    committedAtMs: row.committedAtMs,
  }))
}

/** The present history of the log: `<system id>/<epoch>`. */
export function historyOf({ epochs }: DatabaseState): string | undefined {
  const epoch = epochs.at(-1)
  return epoch === undefined ? undefined : `${epoch.systemId}/${epoch.epoch}`
}
