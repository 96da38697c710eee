import { aggregate, app, event, table, transactionalCommand } from 'tailrace'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { customer, logIdentity } from '../../test/sample-orders.ts'
import { unhandledIn } from '../../test/unhandled.ts'
import { memoryWriteStore } from '../testing/memory-write-store.ts'
import { testClock } from '../testing/test-clock.ts'
import { createExecutor, type FailedCommand } from './executor.ts'

/** What a function of an application may be behind an `any`. */
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

interface Parts {
  readonly may?: Loose
  readonly decide?: Loose
  readonly write?: Loose
  readonly target?: Loose
  readonly partitionBy?: Loose
}

const Made = event('Made', z.object({ n: z.int() }))
const Id = z.object({ id: z.string() })

/** One command of each kind, with some parts as a type check would not let them be. */
async function tried(parts: Parts) {
  const Thing = aggregate('thing', {
    id: z.string(),
    rows: { thing: table('things', z.object({ id: z.string(), version: z.int(), n: z.int() })) },
    events: [Made],
    write: { Made: parts.write ?? (({ data }: Loose, to: Loose) => [to.thing.insert(data)]) },
    partitionBy: parts.partitionBy,
  })
  const target = parts.target ?? ((input: { id: string }) => input.id)
  const may = parts.may ?? 'anyone'
  const make = Thing.command('make', {
    input: Id,
    target,
    on: 'new',
    may,
    decide: parts.decide ?? (() => Made({ n: 1 })),
  })
  const makeByHand = transactionalCommand('makeByHand', {
    input: Id,
    target,
    may,
    run: async ({ emit, input }) =>
      emit(Thing, input.id, (parts.decide ?? (() => Made({ n: 1 })))()),
  })
  const store = memoryWriteStore()
  const told: [error: unknown, command: FailedCommand][] = []
  const executor = createExecutor({
    app: app({
      aggregates: { Thing },
      commands: { make, makeByHand },
      projections: {},
      queries: {},
    }),
    store,
    clock: testClock(),
    identity: logIdentity,
    options: { onFailure: (error, command) => told.push([error, command]) },
  })
  const outcomes: unknown[] = []
  const unhandled = await unhandledIn(async () => {
    for (const name of ['make', 'makeByHand'])
      outcomes.push(await executor.submit(name, { id: name }, { actor: customer }))
  })
  return { outcomes, told, unhandled, events: store.events }
}

const failed = { kind: 'refused', code: 'COMMAND_FAILED' }
const saying = (message: string) =>
  expect.objectContaining({
    code: 'HANDLER_RESULT_INVALID',
    message: expect.stringContaining(message),
  })
const rejecting = async () => {
  throw new Error('late')
}

test('the parts that are not touched work', async () => {
  const { outcomes, told } = await tried({})
  expect(outcomes).toMatchObject([{ kind: 'committed' }, { kind: 'committed' }])
  expect(told).toEqual([])
})

test.each([
  ['a promise of no', async () => false, 'a promise'],
  ['a promise of yes', async () => true, 'a promise'],
  ['a promise that rejects', rejecting, 'a promise'],
  ['nothing', () => undefined, 'undefined'],
  ['something else', () => 'no', 'a string'],
])('a policy that gives %s lets nobody pass, and is told', async (_, may, got) => {
  const { outcomes, told, unhandled, events } = await tried({ may })
  expect(outcomes).toMatchObject([failed, failed])
  expect(told.map(([error]) => error)).toEqual([
    saying(
      `expected \`may\` of command "make" to give true, false or { because } at once, got ${got}`,
    ),
    saying(
      `expected \`may\` of transactional-command "makeByHand" to give true, false or { because } at once, got ${got}`,
    ),
  ])
  expect(unhandled).toEqual([])
  expect(events).toEqual([])
})
