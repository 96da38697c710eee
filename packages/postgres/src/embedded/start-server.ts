import { setTimeout as pause } from 'node:timers/promises'
import { TailraceError } from 'tailrace/adapter'
import type { Account } from './account.ts'
import type { DataFolder } from './data-folder.ts'
import { freePort } from './free-port.ts'
import { startPostmaster, type Postmaster, type StartFailure } from './postmaster.ts'
import type { Programs } from './programs.ts'

/** Where and as whom a server runs. */
export interface ServerPlace {
  readonly folder: DataFolder
  readonly programs: Programs
  readonly account: Account
}

/**
 * Starts the server, again where the reason of a failure passes by itself. Port 0 means any free one; a server that is
 * started `again` had the port a moment ago and waits for it.
 */
export async function startServer(
  place: ServerPlace,
  wanted: number,
  deadline: number,
  again = false,
): Promise<Postmaster> {
  for (;;) {
    const port = wanted === 0 ? await freePort() : wanted
    const result = await startPostmaster(
      place.folder,
      place.programs,
      place.account,
      port,
      deadline,
    )
    if ('pid' in result) return result
    // A free port may be taken before the server has it; what is busy gets free when the last child is gone.
    const passes =
      result.failed === 'busy' || (result.failed === 'port-taken' && (wanted === 0 || again))
    if (!passes || Date.now() >= deadline) throw cannotStart(place.folder, port, result)
    await pause(100)
  }
}

function cannotStart(folder: DataFolder, port: number, failure: StartFailure): TailraceError {
  const details = {
    reason: failure.failed.toUpperCase().replace('-', '_'),
    folder: folder.root,
    port,
    lastLines: failure.lastLines,
  }
  if (failure.failed === 'port-taken') {
    return new TailraceError(
      'CONFIG',
      `expected port ${port} to be free, got one in use; give another port, or 0 for any free one`,
      { details },
    )
  }
  const got = failure.failed === 'timeout' ? 'no answer in time' : 'a server that stopped'
  return new TailraceError(
    'UNAVAILABLE',
    `expected PostgreSQL to start on ${folder.root}, got ${got}; its last words (more in ${folder.log}):\n${failure.lastLines}`,
    { details, retryable: failure.failed !== 'stopped' },
  )
}
