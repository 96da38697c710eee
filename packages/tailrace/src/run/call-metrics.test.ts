import { expect, test } from 'vitest'
import { ticketApp } from '../../../../test/support/ticket-app.ts'
import { prometheusText } from '../read/prometheus-text.ts'
import { testClock } from '../testing/test-clock.ts'
import { CallMetrics } from './call-metrics.ts'
import type { CommandOutcome, QueryOutcome } from './engine.ts'

const committed: CommandOutcome = {
  kind: 'committed',
  commandId: 'c',
  aggregateId: 'a',
  version: 1,
  token: 't',
  replayed: false,
}
const rejected: CommandOutcome = {
  kind: 'rejected',
  commandId: 'c',
  code: 'TITLE_RUDE',
  rejection: 'rule',
  detail: undefined,
  replayed: false,
}

test('counts commands by name and result, and measures how long they took', async () => {
  const clock = testClock()
  const metrics = new CallMetrics(ticketApp, clock)
  let answer: (outcome: CommandOutcome) => void = () => undefined
  const slow = metrics.command('openTicket', new Promise((resolve) => (answer = resolve)))
  clock.advance(40)
  answer(committed)
  await slow
  await metrics.command('openTicket', Promise.resolve({ ...committed, replayed: true }))
  await metrics.command('openTicket', Promise.resolve(rejected))
  await metrics.command(
    'openTicket',
    Promise.resolve({ kind: 'refused', code: 'INPUT_INVALID', message: '' }),
  )
  await metrics.command(
    'openTicket',
    Promise.resolve({ kind: 'refused', code: 'COMMAND_FAILED', message: '' }),
  )
  await expect(metrics.command('openTicket', Promise.reject(new Error('x')))).rejects.toThrow('x')
  await metrics.command('notDeclared', Promise.resolve(committed))
  const text = prometheusText(metrics.snapshot())
  const count = (result: string): string =>
    `cqrs_commands_total{command="openTicket",result="${result}"}`
  for (const result of ['committed', 'replayed', 'rejected', 'refused'])
    expect(text).toContain(`${count(result)} 1\n`)
  expect(text).toContain(`${count('failed')} 2\n`)
  expect(text).toContain('cqrs_commands_total{command="closeTicket",result="committed"} 0\n')
  expect(text).not.toContain('notDeclared')
  expect(text).toContain(
    'cqrs_command_duration_seconds_bucket{command="openTicket",le="0.025"} 5\n',
  )
  expect(text).toContain('cqrs_command_duration_seconds_bucket{command="openTicket",le="0.05"} 6\n')
})

test('counts queries by name and result', async () => {
  const metrics = new CallMetrics(ticketApp, testClock())
  const answer = (stale: boolean): Promise<QueryOutcome> =>
    Promise.resolve({ kind: 'answer', meta: { stale } } as QueryOutcome)
  await metrics.query('ticket', answer(false))
  await metrics.query('ticket', answer(true))
  await metrics.query(
    'ticket',
    Promise.resolve({ kind: 'refused', code: 'NOT_CAUGHT_UP', message: '' }),
  )
  await expect(metrics.query('ticket', Promise.reject(new Error('x')))).rejects.toThrow('x')
  await expect(metrics.query('nope', Promise.reject(new Error('y')))).rejects.toThrow('y')
  const text = prometheusText(metrics.snapshot())
  for (const result of ['answered', 'stale', 'refused', 'failed'])
    expect(text).toContain(`cqrs_queries_total{query="ticket",result="${result}"} 1\n`)
  expect(text).toContain('cqrs_queries_total{query="counts",result="answered"} 0\n')
})
