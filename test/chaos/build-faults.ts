import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ChaosWorld } from './chaos-world.ts'
import { milliseconds, pick, type FaultSource } from './fault.ts'
import { ownScript } from './kept-process.ts'

const mixedMs = { least: 1_000, most: 15_000 }

/** Where another checkout of this repository keeps what a process runs. Undefined: there is none. */
export function scriptOf(checkout: string): string | undefined {
  const script = resolve(checkout, 'test', 'chaos', 'orders-process.ts')
  return existsSync(script) ? script : undefined
}

/**
 * Processes that run another build of the product, beside those that run this one, on the same databases: one changes to it,
 * and half of the time stays with it until it is its turn again.
 */
export function buildSource(world: ChaosWorld, otherScript: string): FaultSource {
  return (random) => {
    const { name } = pick(random, world.processes)
    const before = world.process(name).script
    const next = before === ownScript ? otherScript : ownScript
    const stays = random() < 0.5
    const signal = random() < 0.5 ? 'SIGTERM' : 'SIGKILL'
    const change = (script: string): Promise<void> =>
      world.process(name).relaunch({}, signal, script)
    return {
      kind: 'build',
      what: `${name} runs ${next === ownScript ? 'this' : 'the other'} build${stays ? ', and stays with it' : ''}`,
      forMs: milliseconds(random, mixedMs.least, mixedMs.most),
      begin: () => change(next),
      end: () => (stays ? Promise.resolve() : change(before)),
    }
  }
}
