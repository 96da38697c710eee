import type { Clock } from '../ports/clock.ts'
import type { CommandOutcome } from '../run/engine.ts'
import type { PendingCommand } from './pending-command.ts'

/** Waits for the run of the same idempotency key on this process; gives up after `waitMs` with COMMAND_IN_PROGRESS. */
export function followRun(
  run: PendingCommand,
  waitMs: number,
  clock: Clock,
): Promise<CommandOutcome> {
  const { commandId } = run
  return new Promise((resolve, reject) => {
    const waited = new AbortController()
    const follower = {
      resolve: (outcome: CommandOutcome) => {
        waited.abort('answered')
        resolve(outcome.kind === 'refused' ? outcome : { ...outcome, replayed: true })
      },
      reject: (error: unknown) => {
        waited.abort('answered')
        reject(error)
      },
    }
    ;(run.followers ??= []).push(follower)
    void clock.sleep(waitMs, waited.signal).then(() => {
      if (waited.signal.aborted) return
      run.followers = run.followers?.filter((other) => other !== follower)
      resolve({
        kind: 'refused',
        code: 'COMMAND_IN_PROGRESS',
        message: `expected command ${commandId} to be answered within ${waitMs} ms, got no answer yet; ask again with the same key`,
        commandId,
      })
    })
  })
}
