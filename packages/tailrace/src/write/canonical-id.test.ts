import { z } from 'zod'
import { expect, test } from 'vitest'
import { aggregate } from '../declare/aggregate.ts'
import { app } from '../declare/app.ts'
import { event } from '../declare/event.ts'
import { table } from '../declare/rows.ts'
import { transactionalCommand } from '../declare/transactional-command.ts'
import { logIdentity } from '../../test/sample-orders.ts'
import { memoryWriteStore } from '../testing/memory-write-store.ts'
import { testClock } from '../testing/test-clock.ts'
import { createExecutor } from './executor.ts'

const Named = event('Named', z.object({ name: z.string() }))
const Row = z.object({ id: z.uuid(), version: z.int(), name: z.string() })
const Thing = aggregate('thing', {
  id: z.uuid(),
  rows: { thing: table('things', Row) },
  events: [Named],
  write: {
    Named: ({ data, version }, to) => [
      version === 1 ? to.thing.insert({ name: data.name }) : to.thing.update({ name: data.name }),
    ],
  },
})
const name = Thing.command('name', {
  input: z.object({ id: z.uuid(), name: z.string() }),
  target: ({ id }) => id,
  on: 'either',
  may: 'anyone',
  decide: ({ input }) => Named({ name: input.name }),
})
const things = app({ aggregates: { Thing }, commands: { name }, projections: {}, queries: {} })

// PostgreSQL takes a uuid in any case for the same one: two spellings must not become two streams.
test('a uuid is one aggregate however it is typed', async () => {
  const store = memoryWriteStore()
  const executor = createExecutor({ app: things, store, clock: testClock(), identity: logIdentity })
  const id = '0f9c7b6e-6f0e-4a3a-9b59-0d6d2f1c5a1f'
  const first = await executor.submit('name', { id: id.toUpperCase(), name: 'a' })
  const second = await executor.submit('name', { id, name: 'b' })
  expect(first).toMatchObject({ kind: 'committed', aggregateId: id, version: 1 })
  expect(second).toMatchObject({ kind: 'committed', aggregateId: id, version: 2 })
  expect(store.events.map(({ stream }) => stream)).toEqual([id, id])
})

test('a transactional command means the same aggregate too', async () => {
  const store = memoryWriteStore()
  const rename = transactionalCommand('rename', {
    input: z.object({ id: z.uuid() }),
    target: ({ id }) => id,
    may: 'anyone',
    async run({ input, load, emit }) {
      const before = await load(Thing, input.id)
      await emit(Thing, input.id.toLowerCase(), Named({ name: `${before?.thing.name} again` }))
      await emit(Thing, input.id, Named({ name: 'at last' }))
    },
  })
  const both = app({
    aggregates: { Thing },
    commands: { name, rename },
    projections: {},
    queries: {},
  })
  const executor = createExecutor({ app: both, store, clock: testClock(), identity: logIdentity })
  const id = '0f9c7b6e-6f0e-4a3a-9b59-0d6d2f1c5a1f'
  await executor.submit('name', { id, name: 'a' })
  expect(await executor.submit('rename', { id: id.toUpperCase() })).toMatchObject({
    kind: 'committed',
    version: 3,
  })
  expect(store.events.map(({ stream, data }) => [stream, data])).toEqual([
    [id, { name: 'a' }],
    [id, { name: 'a again' }],
    [id, { name: 'at last' }],
  ])
})
