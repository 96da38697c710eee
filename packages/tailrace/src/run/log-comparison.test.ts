import { expect, test } from 'vitest'
import { z } from 'zod'
import { aggregate } from '../declare/aggregate.ts'
import { app } from '../declare/app.ts'
import { event } from '../declare/event.ts'
import { table } from '../declare/rows.ts'
import type { TailraceError } from '../errors.ts'
import type { RecordedType } from '../ports/log-types.ts'
import { testClock } from '../testing/test-clock.ts'
import { LogComparison } from './log-comparison.ts'

const Known = event('Known', z.object({}))
const Thing = aggregate('thing', {
  id: z.string(),
  rows: { thing: table('things', z.object({ id: z.string(), version: z.int() })) },
  events: [Known],
  write: { Known: () => [] },
})
const things = app({
  aggregates: { Thing },
  commands: {},
  projections: {},
  queries: {},
  retired: ['Gone'],
})

function compared(recorded: RecordedType[]) {
  const clock = testClock()
  const problems: TailraceError[] = []
  const comparison = new LogComparison({
    app: things,
    clock,
    types: {
      recorded: async () => recorded,
      handled: async () => [],
      reacts: async () => undefined,
    },
    onProblem: (error) => problems.push(error as TailraceError),
  })
  return { clock, problems, comparison }
}

test('says nothing about what is declared or retired', async () => {
  const { comparison, problems } = compared([
    { type: 'Known', version: 1 },
    { type: 'Gone', version: 3 },
  ])
  await comparison.begin()
  expect(await comparison.unknown()).toEqual([])
  await comparison.stop()
  expect(problems).toEqual([])
})

test('types that newer code records while this process runs are said, each once', async () => {
  const recorded: RecordedType[] = [{ type: 'Known', version: 1 }]
  const { clock, problems, comparison } = compared(recorded)
  await comparison.begin()
  recorded.push({ type: 'Newer', version: 1 }, { type: 'Known', version: 2 })
  const said = () => problems.map(({ code, details }) => [code, details['types']])
  const once = [
    ['EVENT_UNKNOWN', ['Newer']],
    ['EVENT_FROM_THE_FUTURE', ['version 2 of "Known" (declared: 1)']],
  ]
  const look = () => {
    clock.advance(30_000)
    return new Promise((resolve) => setImmediate(resolve))
  }
  await look()
  await look()
  expect(said()).toEqual(once)
  expect(await comparison.unknown()).toEqual(['Newer'])
  recorded.push({ type: 'Newest', version: 1 })
  await look()
  expect(said()).toEqual([...once, ['EVENT_UNKNOWN', ['Newest']]])
  await comparison.stop()
})

test('what is retired cannot be declared, too', () => {
  expect(() =>
    app({
      aggregates: { Thing },
      commands: {},
      projections: {},
      queries: {},
      retired: ['Known'],
    }),
  ).toThrow('expected retired event types to be declared by no aggregate, got "Known"')
})
