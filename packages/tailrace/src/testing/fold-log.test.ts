import { expect, test } from 'vitest'
import { z } from 'zod'
import { aggregate } from '../declare/aggregate.ts'
import { event } from '../declare/event.ts'
import { table } from '../declare/rows.ts'
import { foldLog } from './fold-log.ts'

const Opened = event('Opened', 2, z.object({ who: z.string() }), {
  from1: ({ name }: { name: string }) => ({ who: name }),
})
const Purse = aggregate('purse', {
  id: z.string(),
  rows: {
    purse: table('purses', z.object({ id: z.string(), version: z.int(), who: z.string() })),
  },
  events: [Opened],
  write: { Opened: ({ data }, to) => [to.purse.insert({ who: data.who })] },
})

const logged = (aggregateName: string, type: string, stream: string) => ({
  aggregate: aggregateName,
  stream,
  type,
  schemaVersion: 1,
  data: { name: stream },
})

test('folds the events of an aggregate also from the time when it had another name', () => {
  const rows = foldLog(Purse, [
    logged('wallet', 'Opened', 'ada'),
    logged('purse', 'Opened', 'bob'),
    logged('order', 'Placed', 'o1'),
  ])
  expect([...rows].map(([id, { root }]) => [id, root['who']])).toEqual([
    ['ada', 'ada'],
    ['bob', 'bob'],
  ])
})

test('does not pass over an event of the aggregate that is declared no more', () => {
  expect(() => foldLog(Purse, [logged('purse', 'Closed', 'ada')])).toThrow(
    'expected the events of purse to be declared, got "Closed" in the log',
  )
})
