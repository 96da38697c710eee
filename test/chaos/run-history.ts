import type { RecordedEvent } from 'tailrace/adapter'
import { Client } from 'pg'
import { canonicalText } from '../../packages/simulator/src/checker/canonical-text.ts'
import {
  checkCommands,
  type RecordedCommand,
} from '../../packages/simulator/src/checker/check-commands.ts'
import { checkReads } from '../../packages/simulator/src/checker/check-reads.ts'
import type {
  CommandOperation,
  KeyStates,
  LoggedEvent,
  Operation,
} from '../../packages/simulator/src/checker/history.ts'
import { cleanStates } from '../../packages/simulator/src/world/clean-states.ts'
import { OrderStatus } from '../../systems/orders/read/order-status.ts'

const never: KeyStates = [{ position: 0n, text: null }]

/** What callers did and were told, held against the log: the checks of the simulated worlds, on real processes. */
export async function checkHistory(
  writeUrl: string,
  events: readonly RecordedEvent[],
  operations: readonly Operation[],
): Promise<string[]> {
  // When a transaction committed, nobody but the server knew.
  const log = events.map((event): LoggedEvent => ({ ...event, committedAtMs: undefined }))
  const states = await answers(events)
  const violations = [
    ...checkCommands({
      operations: operations.filter((one): one is CommandOperation => one.kind === 'command'),
      log,
      records: await recordsOf(writeUrl),
      takenBack: new Set(),
    }),
    ...checkReads({
      operations,
      log,
      forgotten: [],
      excused: () => false,
      generations: [1],
      statesOf: (_projection, _generation, key) => states.get(key) ?? never,
      answerWithinMs: Number.POSITIVE_INFINITY,
    }),
  ]
  return violations.map(({ invariant, text }) => `${invariant}: ${text}`)
}

/** What `orderStatus` answers about each order, in all states of its document. */
async function answers(events: readonly RecordedEvent[]): Promise<Map<string, KeyStates>> {
  const states = await cleanStates(OrderStatus, events)
  const shown = (text: string | null): string | null => {
    if (text === null) return null
    const { orderId, status, version } = JSON.parse(text) as Record<string, unknown>
    return canonicalText({ orderId, status, version })
  }
  return new Map(
    [...states].map(([key, list]) => [
      key,
      list.map(({ position, text }) => ({ position, text: shown(text) })),
    ]),
  )
}

async function recordsOf(writeUrl: string): Promise<Map<string, RecordedCommand>> {
  const client = new Client({ connectionString: writeUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{
      id: string
      state: 'committed' | 'rejected'
      aggregate: string
      version: string
      code: string | null
    }>(
      `select command_id::text as id, state, aggregate_id as aggregate, version::text, rejection->>'code' as code
       from tailrace.command_record`,
    )
    return new Map(
      rows.map(({ id, state, aggregate, version, code }) => [
        id,
        { state, aggregateId: aggregate, version: Number(version), code: code ?? undefined },
      ]),
    )
  } finally {
    await client.end()
  }
}
