import { setTimeout as sleep } from 'node:timers/promises'
import { isTailraceError, systemActor, type CommandOutcome, type Engine } from 'tailrace'

/** What became of a command: in the system, or rejected with a code. */
export type Sent =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly detail: unknown }

/** Sends a command as the system, under a key: sent again, it gets the answer that it got the first time. */
export type Send = (command: string, key: string, input: unknown) => Promise<Sent>

const attemptsMax = 60
const pauseMs = 500

/** Sends through an engine; waits while it is busy or the database is away, for half a minute at most. */
export function sendThrough(engine: Engine): Send {
  return async (command, key, input) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return sent(
          command,
          await engine.command(command, input, { actor: systemActor, idempotencyKey: key }),
        )
      } catch (error) {
        if (!isTailraceError(error) || !error.retryable || attempt === attemptsMax) throw error
        await sleep(pauseMs)
      }
    }
  }
}

function sent(command: string, outcome: CommandOutcome): Sent {
  if (outcome.kind === 'committed') return { ok: true }
  if (outcome.kind === 'rejected') return { ok: false, code: outcome.code, detail: outcome.detail }
  return {
    ok: false,
    code: outcome.code,
    detail: outcome.issues ?? `${command}: ${outcome.message}`,
  }
}
