import type { DueTimer, TimerReport, TimerStore } from 'tailrace/adapter'
import type { Process } from '../kernel/process.ts'
import { asking } from './asking.ts'
import type { Database } from './database.ts'

/** Timers of scheduled commands. */
export function simTimers(database: Database, process: Process): TimerStore {
  const ask = asking(database, process)
  return {
    due: (limit, holdMs, commands) =>
      ask('timers due', () => {
        const nowMs = database.nowMs()
        const due = [...database.state.timers]
          .filter(([, timer]) => timer.atMs <= nowMs && timer.hiddenUntilMs <= nowMs)
          .filter(([, { command }]) => commands?.includes(command) !== false)
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
    nextInMs: (commands) =>
      ask('timers next', () => {
        const next = [...database.state.timers.values()]
          .filter(({ command }) => commands?.includes(command) !== false)
          .map((timer) => Math.max(timer.atMs, timer.hiddenUntilMs))
        return next.length === 0 ? undefined : Math.ceil(Math.min(...next) - database.nowMs())
      }),
    failed: ({ schedule, stream, id }, error) =>
      ask('timer failed', () => {
        const key = `${schedule} ${stream}`
        const found = database.state.timers.get(key)
        if (found?.id !== id) return
        database.state.timers.set(key, { ...found, failures: (found.failures ?? 0) + 1, error })
      }),
    report: (overdueMs, recent) =>
      ask('timers report', () => reportOf(database, overdueMs, recent)),
  }
}

function reportOf(database: Database, overdueMs: number, recent: number): TimerReport {
  const nowMs = database.nowMs()
  const due = [...database.state.timers.values()]
    .filter(({ atMs }) => atMs <= nowMs)
    .toSorted((a, b) => a.atMs - b.atMs)
  const failed = due.flatMap(({ schedule, stream, command, at, failures, error = '' }) =>
    failures === undefined ? [] : [{ schedule, stream, command, at, failures, error }],
  )
  return {
    due: due.length,
    overdue: due.filter(({ atMs }) => atMs <= nowMs - overdueMs).length,
    failed: failed.length,
    oldestDueMs: due.length === 0 ? 0 : nowMs - due[0]!.atMs,
    recent: failed.slice(0, recent),
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
