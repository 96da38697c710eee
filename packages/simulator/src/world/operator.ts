import { retryParked } from 'tailrace/adapter'
import { Process } from '../kernel/process.ts'
import { SimEventLog } from '../server/event-log.ts'
import { simReadStore } from '../stores/read-store.ts'
import type { World } from './world.ts'

/** The person on call: mends the folds that choke, and has what is parked handled again, until nothing is. */
export async function settleParkedKeys(world: World): Promise<void> {
  world.switches.poison = false
  const { simulation, database } = world
  const process = new Process('operator')
  for (;;) {
    const log = new SimEventLog({ database, process, pageSize: 1_000 })
    for (const projection of Object.values(world.currentApp.projections)) {
      const store = simReadStore(world.storeOf(projection.name as string), process)
      const history = `${log.identity.systemId}/${log.identity.epoch}`
      const opened = await store.open(projection, history)
      for (const { key } of await opened.parked()) {
        simulation.marks.sometimes('a parked key is settled')
        await retryParked({ projection, store: opened, log, key }).catch((error: unknown) =>
          simulation.say('operator', () => `${key}: ${String(error)}`),
        )
      }
    }
    await simulation.kernel.pause(100, 'operator')
  }
}
