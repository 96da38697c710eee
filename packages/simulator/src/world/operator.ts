import { retryParked, type AnyProjectionDef } from 'tailrace/adapter'
import { Process } from '../kernel/process.ts'
import { SimEventLog } from '../server/event-log.ts'
import { simGivenUp } from '../server/given-up.ts'
import { simReadStore } from '../stores/read-store.ts'
import { nothingFailed } from '../stores/store-state.ts'
import { givenUpEvents } from './convergence.ts'
import type { World } from './world.ts'

/** The person on call: mends the folds that choke and the outside, and has what is parked or given up handled again, until nothing is. */
export async function settleWhatFailed(world: World): Promise<void> {
  world.switches.poison = false
  world.switches.outsideAway = false
  const { simulation } = world
  const process = new Process('operator')
  for (;;) {
    for (const projection of Object.values(world.currentApp.projections))
      await settleOne(world, process, projection).catch((error: unknown) =>
        simulation.say('operator', () => `${projection.name}: ${String(error)}`),
      )
    await repeatGivenUp(world, process).catch((error: unknown) =>
      simulation.say('operator', () => `reactor: ${String(error)}`),
    )
    await simulation.kernel.pause(100, 'operator')
  }
}

async function settleOne(
  world: World,
  process: Process,
  projection: AnyProjectionDef,
): Promise<void> {
  const { simulation, database } = world
  const log = new SimEventLog({ database, process, pageSize: 1_000 })
  const store = simReadStore(world.storeOf(projection.name as string), process)
  // Where no worker has begun, there is nothing to look after, and nothing to make.
  if (!(await store.versions(projection.name)).includes(projection.version)) return
  const opened = await store.open(projection, `${log.identity.systemId}/${log.identity.epoch}`)
  for (const { key, failure } of await opened.parked()) {
    if (failure.eventId === nothingFailed.eventId) continue
    simulation.marks.sometimes('a parked key is settled')
    await retryParked({ projection, store: opened, log, key })
  }
}

/** Two people see the same status, and both ask. */
async function repeatGivenUp(world: World, process: Process): Promise<void> {
  const { database, currentApp } = world
  if (givenUpEvents(world, 'failed') === 0) return
  const { repeat } = simGivenUp(database, process)
  for (const { name } of currentApp.app.reactors) await Promise.all([repeat(name), repeat(name)])
}
