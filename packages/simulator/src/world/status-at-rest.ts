import { headOf } from '../server/event-log.ts'
import type { World } from './world.ts'

const looks = 60
const everyMs = 50
const answerMs = 10_000
const stepsMax = 1_000_000

/** What processes say of themselves at rest is so, after a while. Undefined: it is. */
export async function wrongStatus(
  world: World,
  thrown: () => unknown,
): Promise<string | undefined> {
  const { kernel } = world.simulation
  let wrong: string | undefined
  let asked = 0
  for (let look = 0; look < looks; look++) {
    // Asking takes time of the world.
    void wrongWords(world).then((words) => {
      wrong = words
      asked++
    })
    const answered = (): boolean => asked > look || thrown() !== undefined
    await kernel.run(answered, kernel.nowMs + answerMs, stepsMax)
    if (asked <= look) return 'a process does not say how it is'
    if (wrong === undefined || thrown() !== undefined) return undefined
    await kernel.run(() => thrown() !== undefined, kernel.nowMs + everyMs, stepsMax)
  }
  return wrong
}

async function wrongWords(world: World): Promise<string | undefined> {
  return (await wrongHead(world)) ?? (await wrongEffects(world))
}

/** A process that takes another position for the end of the log, if there is one; of those asked before it has moved on. */
export async function wrongHead({ nodes, database }: World): Promise<string | undefined> {
  const head = String(headOf(database.state))
  for (const { name, roles, running } of nodes) {
    if (running === undefined || !roles.includes('api')) continue
    const said = (await running.engine.status()).head.position
    if (String(headOf(database.state)) !== head) return undefined
    if (said !== head) return `${name} says that the log ends at ${said}, and it ends at ${head}`
  }
  return undefined
}

/** A process to which the reactor is not at the end of the log, or something waits for a person. */
async function wrongEffects({ nodes, database }: World): Promise<string | undefined> {
  const head = String(headOf(database.state))
  // A history begins above the last event of the one before: until it has one of its own, both are its end.
  const { firstPosition } = database.state.epochs.at(-1)!
  const beginning = firstPosition > headOf(database.state) ? String(firstPosition) : head
  for (const { name, roles, running } of nodes) {
    if (running === undefined || !roles.includes('api')) continue
    const { reactors, timers } = await running.engine.status()
    for (const [reactor, seen] of Object.entries(reactors)) {
      const { state, position, givenUp, repeating, lastError } = seen
      const atEnd = position === head || position === beginning
      if (state !== 'live' || !atEnd || givenUp + repeating > 0)
        return `${name} says that ${reactor} is ${state} at ${position} of ${head}, with ${givenUp} given up and ${repeating} to repeat: ${lastError}`
    }
    if (timers !== undefined && timers.due > 0)
      return `${name} says that ${timers.due} timers are due`
  }
  return undefined
}
