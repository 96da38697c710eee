import { slotRanges } from 'tailrace/adapter'
import { busBehind } from '../bus/bus-at-rest.ts'
import { headOf } from '../server/event-log.ts'
import { versionKey } from '../stores/store-state.ts'
import type { World } from './world.ts'

/** Why the world is not at rest yet; undefined when everything that was committed is everywhere. */
export function unsettled(world: World): string | undefined {
  const { database, swarm, sessions } = world
  if (world.sessionsDone < sessions.length) return 'clients are still waiting for answers'
  const { nowMs } = world.simulation.kernel
  const still = world.nodes.find(({ stillUntilMs }) => stillUntilMs > nowMs)
  if (still !== undefined) return `${still.name} stands still`
  const [hanging] = world.serving
  if (hanging !== undefined) return `${hanging.node} has not answered a call`
  if (world.upgrading > 0) return 'processes are being replaced'
  const { state } = database
  const waiting = state.events.length - state.sequenced.length
  if (waiting > 0) return `${waiting} events have no position`
  if (state.timers.size > 0) return `${state.timers.size} timers are not issued`
  const unheard = unhandledPayments(world)
  if (unheard > 0) return `${unheard} events are not handled by the reactor`
  const givenUp = givenUpEvents(world)
  if (givenUp > 0) return `${givenUp} events were given up by the reactor, or are being repeated`
  const down = world.nodes.find((node) => !node.isUp)
  if (down !== undefined) return `${down.name} is down`
  const old = world.nodes.find((node) => node.app !== world.currentApp)
  if (old !== undefined) return `${old.name} runs old code`
  for (const projection of Object.keys(swarm.projections)) {
    const behind = projectionBehind(world, projection)
    if (behind !== undefined) return `${projection}: ${behind}`
  }
  return busBehind(world)
}

function projectionBehind(world: World, projection: string): string | undefined {
  const { state } = world.database
  const store = world.storeOf(projection)
  const live = store.state.live.get(projection)
  if (live !== world.version) return `version ${live} is live, not ${world.version}`
  const version = store.state.versions.get(versionKey(projection, live))
  if (version === undefined) return 'its version is gone'
  if (version.parked.size > 0) return `${version.parked.size} keys are parked`
  const head = headOf(state)
  const ranges = [...state.leases.values()].filter(
    (lease) => lease.projection === projection && lease.version === live,
  ).length
  if (version.checkpoints.size < ranges) return 'a range has not started'
  for (const [range, { position }] of version.checkpoints)
    if (position !== head) return `range ${range} at ${position} of ${head}`
  if (store.tuning.refreshMs === 0) return undefined
  for (const [range, { position }] of version.shown?.checkpoints ?? [])
    if (position !== head) return `range ${range} shows ${position} of ${head}`
  return version.shown === undefined ? 'it was never shown' : undefined
}

/** Payments behind the reactor's start that its ledger does not know. */
function unhandledPayments(world: World): number {
  const { state } = world.database
  let count = 0
  for (const { position, row } of state.sequenced) {
    if (row.type !== 'Paid' || !isReactorsDuty(world, row.slot, position)) continue
    if (!state.ledger.has(`follow-up ${row.commandId}/${row.ordinal}`)) count++
  }
  return count
}

/** Events that the reactor gave up, and that nobody asked for again or that are still to be repeated. */
export function givenUpEvents(
  { database: { state } }: World,
  ...outcomes: readonly ('failed' | 'repeat')[]
): number {
  const open: readonly string[] = outcomes.length > 0 ? outcomes : ['failed', 'repeat']
  return [...state.ledger.values()].filter(({ outcome }) => open.includes(outcome)).length
}

/** Whether an event came after the start of the reactor's range. */
export function isReactorsDuty(
  { database, swarm }: World,
  slot: number,
  position: bigint,
): boolean {
  const ranges = slotRanges(swarm.tuning.reactors!.ranges!)
  for (const [range, at] of database.state.reactorStarts) {
    const { from, to } = ranges[range]!
    if (slot >= from && slot <= to && position > at) return true
  }
  return false
}
