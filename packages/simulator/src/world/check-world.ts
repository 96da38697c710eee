import { foldLog } from 'tailrace/testing'
import type { AggregateRows, AnyAggregate, RecordedEvent } from 'tailrace/adapter'
import { checkWorldBus } from '../bus/bus-at-rest.ts'
import { canonicalText } from '../checker/canonical-text.ts'
import { checkCommands, type RecordedCommand } from '../checker/check-commands.ts'
import { checkLog } from '../checker/check-log.ts'
import { checkReadModel, type Dump } from '../checker/check-read-models.ts'
import { checkReads } from '../checker/check-reads.ts'
import type { CommandOperation, KeyStates, LoggedEvent, Violation } from '../checker/history.ts'
import { startMs } from '../kernel/process-clock.ts'
import { recorded } from '../server/event-log.ts'
import { loggedEvents } from '../server/logged-events.ts'
import { aggregateKey } from '../server/row-changes.ts'
import { versionKey } from '../stores/store-state.ts'
import { checkSample } from './check-sample.ts'
import { cleanStates, lastDocuments } from './clean-states.ts'
import type { World } from './world.ts'

/** Everything that must hold of a world at rest, and of what its clients were told on the way. */
export async function checkWorld(world: World): Promise<Violation[]> {
  const { state } = world.database
  const events = state.sequenced.map(({ position, row }) => recorded(position, row))
  const log = loggedEvents(state)
  const violations = [
    ...world.violations,
    ...checkLog(log, ({ type }) => type === 'Deleted'),
    ...checkCommands({
      operations: world.operations.filter(
        (operation): operation is CommandOperation => operation.kind === 'command',
      ),
      log,
      records: recordsOf(world),
      takenBack: world.takenBack,
    }),
    ...checkTables(world, events),
    ...checkSample(world, log),
    ...checkWorldBus(world, log),
  ]
  const states = await allStates(world, events)
  for (const projection of Object.keys(world.swarm.projections)) {
    const wanted = lastDocuments(states.get(versionKey(projection, world.version))!)
    violations.push(...checkReadModel(projection, dumpOf(world, projection), wanted))
  }
  // A log that lost its end cannot explain what clients saw of it before.
  if (world.wasRestored) return violations
  return [...violations, ...checkReads(readEvidence(world, log, states))]
}

function recordsOf({ database }: World): Map<string, RecordedCommand> {
  return new Map(
    [...database.state.records].map(([id, { state, aggregateId, version, rejection }]) => [
      id,
      { state, aggregateId, version, code: rejection?.code },
    ]),
  )
}

/** The live tables are the fold of the log. */
function checkTables(world: World, events: readonly RecordedEvent[]): Violation[] {
  const { Order, Note } = world.currentApp.orders
  const violations: Violation[] = []
  for (const aggregate of [Order, Note] as unknown as AnyAggregate[]) {
    const wanted = new Map<string, string>()
    for (const [id, rows] of foldLog(aggregate, events))
      wanted.set(aggregateKey(aggregate, id), rowsText(rows))
    const found = new Map<string, string>()
    for (const [key, rows] of world.database.state.aggregates)
      if (key.startsWith(`${aggregate.name} `)) found.set(key, rowsText(rows))
    for (const key of withoutPosition(world, aggregate)) {
      found.delete(key)
      wanted.delete(key)
    }
    for (const { text } of checkReadModel('the table', found, wanted))
      violations.push({ invariant: 'I1', text })
  }
  return violations
}

/** Aggregates that a command has changed so late that all processes had ended before its events got a position. */
function withoutPosition({ database: { state } }: World, aggregate: AnyAggregate): string[] {
  const sequenced = new Set(state.sequenced.map(({ row }) => row.id))
  return state.events
    .filter((row) => row.aggregate === aggregate.name && !sequenced.has(row.id))
    .map(({ stream }) => aggregateKey(aggregate, stream))
}

function rowsText({ root, children }: AggregateRows): string {
  const lists = Object.entries(children).map(([name, rows]) => [
    name,
    rows.map(canonicalText).toSorted(),
  ])
  return canonicalText({ root, children: Object.fromEntries(lists) })
}

/** By projection and version, then by key. */
async function allStates(
  world: World,
  events: readonly RecordedEvent[],
): Promise<Map<string, Map<string, KeyStates>>> {
  const states = new Map<string, Map<string, KeyStates>>()
  for (const [version, { projections }] of world.apps)
    for (const [name, projection] of Object.entries(projections))
      states.set(versionKey(name, version), await cleanStates(projection, events))
  return states
}

function dumpOf(world: World, projection: string): Dump {
  const store = world.storeOf(projection)
  const version = store.state.versions.get(versionKey(projection, world.version))
  const dump = new Map<string, string>()
  for (const [key, { text }] of version?.documents ?? [])
    if (text !== undefined) dump.set(key, canonicalText(JSON.parse(text)))
  for (const [key, { text }] of version?.rows ?? []) dump.set(key, canonicalText(JSON.parse(text)))
  return dump
}

const never: KeyStates = [{ position: 0n, text: null }]

function readEvidence(
  world: World,
  log: readonly LoggedEvent[],
  states: ReadonlyMap<string, ReadonlyMap<string, KeyStates>>,
): Parameters<typeof checkReads>[0] {
  return {
    operations: world.operations,
    log,
    forgotten: world.forgotten,
    databaseMs: (at) => startMs + at + world.database.skewMs,
    excused: ({ query, projection, key, invokedAt, endedAt, outcome }) => {
      const store = world.storeOf(projection)
      // Who stands still notices nothing, and may have begun to just after it happened.
      const stoodStill = outcome?.kind === 'answer' && outcome.stoodStill
      const slow = stoodStill || Object.values(store.server.rates).some((rate) => rate > 0)
      const noticedMs = slow ? 4_000 : 800
      const just = (at: number): boolean => at <= endedAt! && at > invokedAt - noticedMs
      // One snapshot shows a document and whether it is parked; questions to two read models have none.
      const exact = store.tuning.guarantee === 'transactional' && query !== 'both'
      const parked = store.parkedAt.some(
        (one) => one.projection === projection && one.key === key && just(one.at),
      )
      return (parked && !exact) || store.restoredAt.some(just)
    },
    generations: [...world.apps.keys()],
    statesOf: (projection, generation, key) =>
      states.get(versionKey(projection, generation))?.get(key) ?? never,
    answerWithinMs: world.answerWithinMs,
  }
}
