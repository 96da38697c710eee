import { expect, test } from 'vitest'
import { mulberry32 } from 'tailrace/testing'
import { audit } from './audit.ts'
import { chaosWorld } from './chaos-world.ts'
import { grown, startLoad } from './order-load.ts'
import { settled } from './settled.ts'

/** Whether there was something to kill: a server may be down because it was killed just before. */
function kill(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 100_000)
const kills = Number(process.env['CHAOS_KILLS'] ?? 12)

test(`kill -9 of every process and of both servers under load loses nothing and repeats nothing (seed ${seed})`, async () => {
  const random = mulberry32(seed)
  const world = await chaosWorld({
    api: ['api', 'timer'],
    'sequencer-1': ['sequencer'],
    'sequencer-2': ['sequencer'],
    'worker-1': ['worker'],
    'worker-2': ['worker'],
  })
  try {
    const load = startLoad(world.process('api'), seed, 16, { reads: true })
    const victims = [
      ...world.processes.map((one) => ({ name: one.name, kill: () => kill(one.pid) })),
      { name: 'write server', kill: () => kill(world.write.pid) },
      { name: 'read server', kill: () => kill(world.read.pid) },
    ]
    const killed = new Map<string, number>()
    // Every victim once, in an order of the seed, then whoever comes. Work goes on between kills, or they would only
    // show that a system which is down does nothing wrong.
    const first = victims.toSorted(() => random() - 0.5)
    for (let n = 0; n < kills;) {
      await grown(load.acknowledged, 25)
      await new Promise((resolve) => setTimeout(resolve, random() * 300))
      const victim = first[n] ?? victims[Math.floor(random() * victims.length)]!
      if (!victim.kill()) continue
      killed.set(victim.name, (killed.get(victim.name) ?? 0) + 1)
      n++
    }
    await grown(load.acknowledged, 25)
    await load.stop()
    await Promise.all(world.processes.map((process) => process.ready()))
    await settled(world.process('api'))
    const found = await audit(world, load.acknowledged, { operations: load.operations })
    console.log(
      `chaos seed ${seed}: ${load.acknowledged.length} commands acknowledged, ${found.events} events, ${found.documents} documents, ` +
        `killed ${JSON.stringify(Object.fromEntries(killed))}, troubles ${JSON.stringify(Object.fromEntries(load.troubles))}`,
    )
    expect(found.breaches).toEqual([])
    expect(killed.size).toBe(victims.length)
  } finally {
    await world.close()
  }
}, 300_000)
