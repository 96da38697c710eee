import { headOf } from '../server/event-log.ts'
import type { World } from './world.ts'

const looks = 60
const everyMs = 50
const stepsMax = 1_000_000

/** What processes say of themselves at rest is so, after a while. Undefined: it is. */
export async function wrongStatus(
  world: World,
  thrown: () => unknown,
): Promise<string | undefined> {
  const { kernel } = world.simulation
  let wrong: string | undefined
  for (let look = 0; look < looks; look++) {
    wrong = await wrongHead(world)
    if (wrong === undefined || thrown() !== undefined) return undefined
    await kernel.run(() => thrown() !== undefined, kernel.nowMs + everyMs, stepsMax)
  }
  return wrong
}

/** A process that takes another position for the end of the log, if there is one. */
export async function wrongHead({ nodes, database }: World): Promise<string | undefined> {
  const head = String(headOf(database.state))
  for (const { name, roles, running } of nodes) {
    if (running === undefined || !roles.includes('api')) continue
    const said = (await running.engine.status()).head.position
    if (said !== head) return `${name} says that the log ends at ${said}, and it ends at ${head}`
  }
  return undefined
}
