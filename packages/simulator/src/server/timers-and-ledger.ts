import { TailraceError, type DueTimer, type ReactorLedger, type TimerStore } from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Database } from './database.ts'
import { unavailable } from './write-store.ts'

type Asking = <T>(name: string, effect: () => T) => Promise<T>

function asking(database: Database, process: Process): Asking {
  const { server, simulation } = database
  return async (name, effect) => {
    try {
      return await simulation.network.call({ process, server, name, writes: true, effect })
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : error
    }
  }
}

/** Timers of scheduled commands. */
export function simTimers(database: Database, process: Process): TimerStore {
  const ask = asking(database, process)
  return {
    due: (limit, holdMs) =>
      ask('timers due', () => {
        const nowMs = database.nowMs()
        const due = [...database.state.timers]
          .filter(([, timer]) => timer.atMs <= nowMs && timer.hiddenUntilMs <= nowMs)
          .toSorted(([, a], [, b]) => a.atMs - b.atMs)
          .slice(0, limit)
        return due.map(([key]) => held(database, key, holdMs))
      }),
    again: ({ schedule, stream, id, hold }, holdMs) =>
      ask('timer again', () => {
        const key = `${schedule} ${stream}`
        const found = database.state.timers.get(key)
        if (found?.id === id && holdOf(found) === hold) return held(database, key, holdMs)
        database.simulation.marks.sometimes('a timer without its aggregate is not held any more')
        return undefined
      }),
    done: ({ schedule, stream, id, hold }, commandId) =>
      ask('timer done', () => {
        const key = `${schedule} ${stream}`
        const found = database.state.timers.get(key)
        if (commandId !== undefined && !database.state.records.has(commandId)) {
          database.simulation.marks.sometimes('a timer is kept whose command a restore has lost')
          return
        }
        if (commandId === undefined && found !== undefined && holdOf(found) !== hold) return
        if (found?.id === id) database.state.timers.delete(key)
        else database.simulation.marks.sometimes('a timer was set anew while it was issued')
      }),
    nextInMs: () =>
      ask('timers next', () => {
        const next = [...database.state.timers.values()].map((timer) =>
          Math.max(timer.atMs, timer.hiddenUntilMs),
        )
        return next.length === 0 ? undefined : Math.ceil(Math.min(...next) - database.nowMs())
      }),
  }
}

function held(database: Database, key: string, holdMs: number): DueTimer {
  const timer = { ...database.state.timers.get(key)!, hiddenUntilMs: database.nowMs() + holdMs }
  database.state.timers.set(key, timer)
  const { id, schedule, stream, command, input, at } = timer
  return { id, schedule, stream, command, input, at, hold: holdOf(timer) }
}

function holdOf({ hiddenUntilMs }: { readonly hiddenUntilMs: number }): string {
  return String(hiddenUntilMs)
}

/** What reactors have handled. */
export function simReactorLedger(database: Database, process: Process): ReactorLedger {
  const ask = asking(database, process)
  return {
    checkpoint: (reactor, range) =>
      ask('reactor checkpoint', () => {
        const { reactorCheckpoints, steps } = database.state
        const key = `${reactor} ${range}`
        const found = reactorCheckpoints.get(key)
        if (found !== undefined) return found.position
        const { position } = steps.at(-1)!
        reactorCheckpoints.set(key, { position, fence: 0n })
        database.state.reactorStarts.set(range, position)
        return position
      }),
    advance: (reactor, range, { fence, from, to, handled }) =>
      ask('reactor advance', () => {
        const { reactorCheckpoints, ledger } = database.state
        const key = `${reactor} ${range}`
        const found = reactorCheckpoints.get(key)
        const stands = found !== undefined && (found.position === from || found.position === to)
        const noted = handled.every((id) => ledger.has(`${reactor} ${id}`))
        if (!stands || !noted || found.fence > fence)
          throw new TailraceError('PROJECTION_FENCED', `expected ${from}, got another checkpoint`)
        reactorCheckpoints.set(key, { position: to, fence })
      }),
    handled: (reactor, eventIds) =>
      ask(
        'reactor handled',
        () => new Set(eventIds.filter((id) => database.state.ledger.has(`${reactor} ${id}`))),
      ),
    record: (reactor, eventId, entry) =>
      ask('reactor record', () => {
        const { ledger, records } = database.state
        const { error, commandIds } = { error: undefined, commandIds: [], ...entry }
        if (!commandIds.every((id) => records.has(id))) {
          database.simulation.marks.sometimes(
            'a reactor handled an event whose command a restore has lost',
          )
          return false
        }
        const key = `${reactor} ${eventId}`
        if (ledger.get(key)?.outcome !== 'done') ledger.set(key, { outcome: entry.outcome, error })
        return true
      }),
  }
}
