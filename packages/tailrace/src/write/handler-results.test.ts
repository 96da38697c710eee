import { aggregate, app, conflict, event, table, transactionalCommand } from 'tailrace'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { customer, logIdentity } from '../../test/sample-orders.ts'
import { unhandledIn } from '../../test/unhandled.ts'
import { rejecters } from '../declare/command.ts'
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
    rejections: { NO: conflict() },
    decide: parts.decide ?? (() => Made({ n: 1 })),
  })
  const makeByHand = transactionalCommand('makeByHand', {
    input: Id,
    target,
    may,
    rejections: { NO: conflict() },
    run: async ({ emit, input, reject }) =>
      emit(Thing, input.id, (parts.decide ?? (() => Made({ n: 1 })))({ reject })),
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
      outcomes.push(
        await executor.submit(
          name,
          { id: name },
          { actor: customer, traceparent: '00-4bf92f-00f067-01' },
        ),
      )
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

test.each([
  ['a promise', async () => Made({ n: 1 }), 'a promise; decide is synchronous'],
  ['a promise that rejects', rejecting, 'a promise; decide is synchronous'],
  ['nothing', () => undefined, 'undefined'],
  ['null', () => null, 'null'],
  ['a list with a promise', () => [rejecting()], 'a promise; decide is synchronous'],
  ['a Date', () => new Date(0), 'a Date'],
  ['another event', () => ({ type: 'Mad', data: {} }), '"Mad"'],
])('a command that gives %s instead of events fails, and says so', async (_, decide, got) => {
  const { outcomes, told, unhandled } = await tried({ decide })
  expect(outcomes).toMatchObject([failed, failed])
  expect(told.map(([error]) => error)).toEqual(
    ['make', 'makeByHand'].map((name) =>
      saying(`expected "${name}" to give events of thing (Made) or a rejection, got ${got}`),
    ),
  )
  expect(unhandled).toEqual([])
})

test.each([
  ['nothing', () => undefined, 'a list of row operations at once, got undefined; return []'],
  ['a promise that rejects', rejecting, 'a list of row operations at once, got a promise'],
  ['an object', () => ({}), 'a list of row operations at once, got an object'],
  [
    'a list of nothing',
    () => [undefined],
    'row operations, such as those of to.thing, got undefined',
  ],
  [
    'a list of a promise',
    () => [rejecting()],
    'row operations, such as those of to.thing, got a promise in its list',
  ],
])('a write function that gives %s fails its command, and says so', async (_, write, got) => {
  const { outcomes, told, unhandled } = await tried({ write })
  expect(outcomes).toMatchObject([failed, failed])
  const message = saying(`expected write.Made of "thing" to return ${got}`)
  expect(told.map(([error]) => error)).toEqual([message, message])
  expect(unhandled).toEqual([])
})

test.each([
  ['target', 'expected `target` of'],
  ['partitionBy', 'expected partitionBy of "thing" to give a string for "Made", got a promise'],
])('%s answers at once', async (part, message) => {
  const { outcomes, told, unhandled } = await tried({ [part]: rejecting })
  expect(outcomes).toMatchObject([failed, failed])
  expect(told.map(([error]) => error)).toEqual([saying(message), saying(message)])
  expect(unhandled).toEqual([])
})

test('a rejection that is thrown instead of returned says so', async () => {
  const { outcomes, told } = await tried({
    decide: () => {
      throw rejecters({ NO: conflict() }, { last: undefined }).NO()
    },
  })
  expect(outcomes).toMatchObject([failed, failed])
  expect(told.map(([error]) => error)).toEqual(
    ['make', 'makeByHand'].map((name) =>
      saying(`expected "${name}" to return its rejection NO, got it thrown`),
    ),
  )
})

test('a rejection that is made and not returned fails its command, and says so', async () => {
  const { outcomes, told, events } = await tried({
    decide({ reject }: Loose) {
      reject.NO()
      return Made({ n: 1 })
    },
  })
  expect(outcomes).toMatchObject([failed, failed])
  expect(told.map(([error]) => error)).toEqual(
    ['make', 'makeByHand'].map((name) =>
      saying(`expected "${name}" to return its rejection NO, got it made and not returned`),
    ),
  )
  expect(events).toEqual([])
})

test('who is told of a failed command can find it by its ids and its trace', async () => {
  const { outcomes, told } = await tried({ decide: rejecting })
  expect(told.map(([, command]) => command)).toEqual(
    ['make', 'makeByHand'].map((name, i) => ({
      name,
      aggregateId: name,
      commandId: (outcomes[i] as { commandId: string }).commandId,
      traceparent: '00-4bf92f-00f067-01',
    })),
  )
})

test.each([
  ['a Date', () => ({ n: new Date(0) }), '"/n" a Date'],
  ['a bigint', () => ({ n: 1n }), '"/n" a bigint'],
  ['a promise', () => ({ n: rejecting() }), '"/n" a Promise'],
  ['NaN', () => ({ n: 1, list: [{ x: NaN }] }), '"/list/0/x" NaN'],
])('an event with %s in it fails its command, and names event and place', async (_, data, got) => {
  const { outcomes, told, unhandled, events } = await tried({ decide: () => Made(data() as never) })
  expect(outcomes).toMatchObject([failed, failed])
  const error = expect.objectContaining({
    code: 'EVENT_DATA_INVALID',
    message: expect.stringContaining(
      `expected the data of event "Made" to be what JSON can hold, got at ${got}`,
    ),
  })
  expect(told.map(([what]) => what)).toEqual([error, error])
  expect(events).toEqual([])
  expect(unhandled).toEqual([])
})
