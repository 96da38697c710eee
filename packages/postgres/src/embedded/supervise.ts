import { setTimeout as pause } from 'node:timers/promises'
import { stopPostmaster, type Postmaster, type Stopped } from './postmaster.ts'

/** A server that is watched until it is stopped. */
export interface Supervised {
  /** The first process of the present run. */
  readonly pid: () => number
  readonly ended: Promise<void>
  stop(waitMs: number): Promise<Stopped>
}

const restartsMax = 5
const restartWindowMs = 60_000

/**
 * Watches a running server. With `restart`, one that ends without being asked to is started again, unless it does so
 * again and again: then something else is wrong, and starting it only hides that.
 */
export function supervise(first: Postmaster, restart?: () => Promise<Postmaster>): Supervised {
  let current = first
  let running = true
  let stopping = false
  let settled = Promise.resolve()
  const restarts: number[] = []

  const watch = async (): Promise<void> => {
    for (;;) {
      await current.ended
      const recent = restarts.filter((at) => Date.now() - at < restartWindowMs)
      if (stopping || restart === undefined || recent.length >= restartsMax) return
      restarts.push(Date.now())
      const starting = restart()
      settled = starting.then(
        () => undefined,
        () => undefined,
      )
      const next = await starting.catch(() => undefined)
      if (next === undefined) return
      current = next
    }
  }
  const ended = watch().finally(() => (running = false))

  return {
    pid: () => current.pid,
    ended,
    async stop(waitMs) {
      stopping = true
      // A server that is just being started again is stopped as soon as it can be.
      await settled
      await pause(0)
      const outcome = running
        ? await stopPostmaster(current.pid, () => !running, waitMs)
        : 'shut-down'
      if (outcome !== 'still-running') await ended
      return outcome
    },
  }
}
