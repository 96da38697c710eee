import {
  aggregate,
  app,
  conflict,
  event,
  reactor,
  schedule,
  table,
  type ReactorArgs,
} from 'tailrace'
import { z } from 'zod'

// A small application for tests of time and of effects: tasks that expire unless they are finished, and a reactor.

export const taskTables = `
  create table tasks (id text primary key, version bigint not null, state text not null, note text)`

const TaskPlanned = event('TaskPlanned', z.object({ expiresAt: z.string() }))
const TaskPostponed = event('TaskPostponed', z.object({ expiresAt: z.string() }))
const TaskFinished = event('TaskFinished', z.object({}))
const TaskExpired = event('TaskExpired', z.object({}))
const TaskNoted = event('TaskNoted', z.object({ text: z.string() }))

const TaskRow = z.object({
  id: z.string(),
  version: z.int(),
  state: z.enum(['open', 'finished', 'expired']),
  note: z.string().nullable(),
})

export const Task = aggregate('task', {
  id: z.string(),
  rows: { task: table('tasks', TaskRow) },
  events: [TaskPlanned, TaskPostponed, TaskFinished, TaskExpired, TaskNoted],
  write: {
    TaskPlanned: (_, to) => [to.task.insert({ state: 'open', note: null })],
    TaskPostponed: (_, to) => [to.task.update({})],
    TaskFinished: (_, to) => [to.task.update({ state: 'finished' })],
    TaskExpired: (_, to) => [to.task.update({ state: 'expired' })],
    TaskNoted: ({ data }, to) => [to.task.update({ note: data.text })],
  },
})

const input = z.object({ id: z.string() })

export const planTask = Task.command('planTask', {
  input: z.object({ id: z.string(), expiresAt: z.string() }),
  target: ({ id }) => id,
  on: 'new',
  may: 'anyone',
  decide: ({ input: { expiresAt } }) => TaskPlanned({ expiresAt }),
})

export const postponeTask = Task.command('postponeTask', {
  input: z.object({ id: z.string(), expiresAt: z.string() }),
  target: ({ id }) => id,
  on: 'existing',
  may: 'anyone',
  rejections: { NOT_OPEN: conflict() },
  decide: ({ input: { expiresAt }, rows, reject }) =>
    rows.task.state === 'open' ? TaskPostponed({ expiresAt }) : reject.NOT_OPEN(),
})

export const finishTask = Task.command('finishTask', {
  input,
  target: ({ id }) => id,
  on: 'existing',
  may: 'anyone',
  rejections: { NOT_OPEN: conflict() },
  decide: ({ rows, reject }) => (rows.task.state === 'open' ? TaskFinished({}) : reject.NOT_OPEN()),
})

export const expireTask = Task.command('expireTask', {
  input,
  target: ({ id }) => id,
  on: 'existing',
  may: 'system',
  rejections: { NOT_OPEN: conflict() },
  decide: ({ rows, reject }) => (rows.task.state === 'open' ? TaskExpired({}) : reject.NOT_OPEN()),
})

export const noteTask = Task.command('noteTask', {
  input: z.object({ id: z.string(), text: z.string() }),
  target: ({ id }) => id,
  on: 'existing',
  may: 'system',
  decide: ({ input: { text } }) => TaskNoted({ text }),
})

const expiry = schedule('expiry', Task, {
  TaskPlanned: ({ id, data }) => ({ at: data.expiresAt, call: expireTask.call({ id }) }),
  TaskPostponed: ({ id, data }) => ({ at: data.expiresAt, call: expireTask.call({ id }) }),
  TaskFinished: () => 'cancel',
})

/** What the reactor's handler is to do, for one event. */
export type Effect = (
  event: {
    readonly id: string
    readonly type: string
    readonly stream: string
    readonly version: number
  },
  args: ReactorArgs,
) => Promise<void>

export function notifier(effect: Effect) {
  return reactor('notifier', {
    from: Task.events,
    on: { TaskPlanned: effect, TaskExpired: effect, TaskFinished: effect },
  })
}

export function taskApp(reactors: Record<string, ReturnType<typeof notifier>> = {}) {
  return app({
    aggregates: { task: Task },
    commands: { planTask, postponeTask, finishTask, expireTask, noteTask },
    schedules: { expiry },
    projections: {},
    queries: {},
    reactors,
  })
}
