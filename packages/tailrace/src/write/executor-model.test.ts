import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { turn } from '../../test/drive.ts'
import { logIdentity, Order, orders, support } from '../../test/sample-orders.ts'
import { isTailraceError } from '../errors.ts'
import { WriteFailed, type WriteBatch } from '../ports/write-store.ts'
import type { CommandOutcome } from '../run/engine.ts'
import { foldLog } from '../testing/fold-log.ts'
import {
  memoryWriteStore,
  type MemoryWriteStore,
  type StoreFault,
} from '../testing/memory-write-store.ts'
import { mulberry32, testClock, type TestClock } from '../testing/test-clock.ts'
import { createExecutor, type Executor } from './executor.ts'

// Random commands on few aggregates, sent by one or two processes to one store that loses commits, answers late, loses
// races and refuses contents. Whatever happens: every answer is true, and the log, the rows and the records agree.

interface Sent {
  readonly order: number
  readonly name: string
  readonly input: { readonly orderId: string; readonly note?: string; readonly customerId?: string }
  readonly key: string | undefined
  readonly executor: number
  outcome: CommandOutcome | undefined
  error: { readonly code?: string; readonly cause?: unknown } | undefined
  tookMs: number
}

const orderId = fc.integer({ min: 0, max: 3 }).map((n) => `o-${n}`)
const lineNumber = fc.integer({ min: 1, max: 3 })
const call = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant('placeOrder'),
      input: fc.record({
        orderId,
        customerId: fc.constantFrom('c', 'c', 'nobody'),
        lines: fc.constantFrom(
          [{ line: 1, sku: 'a', quantity: 2 }],
          [{ line: 1, sku: '?', quantity: 1 }],
        ),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      name: fc.constant('payOrder'),
      input: fc.record({
        orderId,
        paymentId: fc.integer({ min: 0, max: 5 }).map((n) => `p-${n}`),
        amountMinor: fc.constant(1),
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant('shipLine'),
      input: fc.record({ orderId, line: lineNumber, quantity: fc.integer({ min: 1, max: 2 }) }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constant('removeLine'),
      input: fc.record({ orderId, line: lineNumber }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant('touchOrder'),
      input: fc.record({ orderId, note: fc.constantFrom('x', 'throw', 'nothing', 'poison') }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ name: fc.constant('deleteOrder'), input: fc.record({ orderId }) }),
  },
)

const plan = fc.record({
  seed: fc.integer(),
  executors: fc.constantFrom(1, 2),
  faultRate: fc.constantFrom(0, 0.1, 0.4),
  calls: fc.array(
    fc.record({
      call,
      key: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined, freq: 3 }),
      executor: fc.integer({ min: 0, max: 1 }),
      turns: fc.constantFrom(0, 0, 0, 1, 3),
    }),
    { minLength: 1, maxLength: 60 },
  ),
})

function poisoned(batch: WriteBatch): string | undefined {
  return batch.events.some((event) => (event.data as { note?: string }).note === 'poison')
    ? 'no_poison'
    : undefined
}

async function run(
  one: typeof plan extends fc.Arbitrary<infer P> ? P : never,
): Promise<{ store: MemoryWriteStore; sent: Sent[] }> {
  const clock = testClock({ seed: one.seed })
  const random = mulberry32(one.seed)
  let faultsLeft = 60
  const faults: StoreFault[] = [
    'conflict',
    'lost-before-commit',
    'lost-after-commit',
    'lost-while-committing',
    'unavailable',
  ]
  const store = memoryWriteStore({
    constraint: poisoned,
    async pause() {
      for (let turns = Math.floor(random() * 3); turns > 0; turns--) await turn()
    },
    fault({ operation }) {
      if (faultsLeft === 0 || random() >= one.faultRate) return undefined
      faultsLeft--
      return operation === 'load' ? 'unavailable' : faults[Math.floor(random() * faults.length)]
    },
  })
  const executors = Array.from({ length: one.executors }, () =>
    createExecutor({ app: orders, store, clock, identity: logIdentity, options: { batchMax: 8 } }),
  )
  const sent: Sent[] = []
  const answers: Promise<unknown>[] = []
  for (const {
    call: { name, input },
    key,
    executor,
    turns,
  } of one.calls) {
    // A key belongs to one intent: the same key is the same call.
    const at = executor % executors.length
    const entry: Sent = {
      order: sent.length,
      name,
      input,
      key:
        key === undefined
          ? undefined
          : `${key}-${name}-${JSON.stringify(input).replaceAll(/[^\w]/g, '')}`,
      executor: at,
      outcome: undefined,
      error: undefined,
      tookMs: 0,
    }
    sent.push(entry)
    answers.push(submit(executors[at]!, entry, clock))
    for (let i = 0; i < turns; i++) await turn()
  }
  let over = false
  void Promise.all([...answers, ...executors.map((executor) => executor.close())]).then(
    () => (over = true),
  )
  for (let i = 0; i < 20_000 && !over; i++) {
    await turn()
    const ms = clock.nextInMs()
    if (ms !== undefined) clock.advance(Math.min(ms, 50))
  }
  expect(over, 'every command is answered').toBe(true)
  // Lost commits that are still on their way happen, or are too late, before the books are compared.
  for (let i = 0; i < 6; i++) await store.load([], []).catch(() => undefined)
  return { store, sent }
}

async function submit(executor: Executor, entry: Sent, clock: TestClock): Promise<void> {
  const from = clock.monotonic()
  try {
    entry.outcome = await executor.submit(entry.name, entry.input, {
      actor: support,
      idempotencyKey: entry.key,
      waitMs: 1_000_000,
    })
  } catch (error) {
    entry.error = error as NonNullable<Sent['error']>
  }
  entry.tookMs = clock.monotonic() - from
}

/** Errors are for servers that do not answer, never for bugs that the store met. */
function checkError({ error, tookMs }: Sent): void {
  expect(['COMMAND_OUTCOME_UNKNOWN', 'UNAVAILABLE', 'CONTENTION']).toContain(error!.code)
  if (error!.code !== 'COMMAND_OUTCOME_UNKNOWN') return
  const { cause } = error!
  expect(tookMs).toBeGreaterThanOrEqual(10_000)
  expect(isTailraceError(cause) || cause instanceof WriteFailed, String(cause)).toBe(true)
}

/** A command fails only for a reason of its own. */
function checkFailure({ name, input }: Sent): void {
  const reasons =
    input.note === 'throw' ||
    input.note === 'poison' ||
    name === 'removeLine' ||
    name === 'payOrder'
  expect(reasons, `${name} ${JSON.stringify(input)} failed`).toBe(true)
}

function checkAnswers({ store, sent }: { store: MemoryWriteStore; sent: Sent[] }): void {
  const events = Map.groupBy(store.events, (event) => event.commandId)
  for (const one of sent) {
    const { name, input, outcome, error } = one
    if (error !== undefined) {
      checkError(one)
      continue
    }
    const commandId = outcome!.commandId!
    const of = events.get(commandId) ?? []
    const record = store.record(commandId)
    if (outcome!.kind === 'committed') {
      expect(record).toMatchObject({
        state: 'committed',
        name,
        aggregateId: input.orderId,
        version: outcome!.version,
      })
      expect(of.map((event) => event.ordinal)).toEqual(of.map((_, i) => i + 1))
      const wanted =
        input.customerId === 'nobody'
          ? [0]
          : name !== 'touchOrder'
            ? [1]
            : input.note === 'nothing'
              ? [0]
              : [1, 2]
      expect(wanted).toContain(of.length)
      if (of.length > 0) expect(of.at(-1)!.version).toBe(outcome!.version)
      expect(input.note).not.toBe('poison')
    } else if (outcome!.kind === 'rejected') {
      expect(record).toMatchObject({ state: 'rejected', rejection: { code: outcome!.code } })
      expect(of).toEqual([])
    } else {
      // A refusal is not recorded, so the same key may have been run before or after with effect.
      expect(['NOT_FOUND', 'COMMAND_FAILED', 'COMMAND_IN_PROGRESS']).toContain(outcome!.code)
      if (outcome!.code === 'COMMAND_FAILED') checkFailure(one)
      const others = sent.some(
        (other) => other.outcome?.commandId === commandId && other.outcome !== outcome,
      )
      if (!others && sent.every((other) => other.error === undefined)) expect(of).toEqual([])
    }
  }
  // Nothing is in the log that no record names.
  for (const [commandId, of] of events) {
    expect(store.record(commandId)).toMatchObject({
      state: 'committed',
      version: of.at(-1)!.version,
    })
  }
}

function checkBooks(store: MemoryWriteStore): void {
  expect(store.violations).toEqual([])
  const folded = foldLog(Order, store.events)
  for (let n = 0; n < 4; n++) expect(folded.get(`o-${n}`)).toEqual(store.rowsOf(Order, `o-${n}`))
  for (const list of Map.groupBy(store.events, (event) => event.stream).values()) {
    let last = 0
    let deleted = true
    for (const event of list) {
      expect(event.version).toBe(deleted ? 1 : last + 1)
      deleted = event.type === 'OrderDeleted'
      last = event.version
    }
  }
}

/** One process keeps the order in which the commands of an aggregate came in. */
function checkOrder({ store, sent }: { store: MemoryWriteStore; sent: Sent[] }): void {
  const orderOf = new Map<string, number>()
  for (const { outcome, order } of sent) {
    if (outcome?.kind === 'committed' && !outcome.replayed && !orderOf.has(outcome.commandId))
      orderOf.set(outcome.commandId, order)
  }
  for (const list of Map.groupBy(store.events, (event) => event.stream).values()) {
    const seen = list
      .map((event) => orderOf.get(event.commandId))
      .filter((order) => order !== undefined)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  }
}

test('every acknowledged command happens exactly once, and rows are the fold of the log, whatever fails', async () => {
  let faulty = 0
  await fc.assert(
    fc.asyncProperty(plan, async (one) => {
      const result = await run(one)
      checkAnswers(result)
      checkBooks(result.store)
      const answered = result.sent.every(({ error }) => error === undefined)
      if (one.executors === 1 && answered) checkOrder(result)
      if (!answered || result.store.calls.commitEach > 0) faulty++
    }),
    { numRuns: Number(process.env['MODEL_RUNS'] ?? 120) },
  )
  // The run must have met what it is about.
  expect(faulty).toBeGreaterThan(0)
})
