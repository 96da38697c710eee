import { expect, test } from 'vitest'
import { audit } from './audit.ts'
import { chaosWorld } from './chaos-world.ts'
import { grown, startLoad } from './order-load.ts'
import { settled } from './settled.ts'

test('two workers on the same slots, one stopped past its lease and continued: every count is exact', async () => {
  const world = await chaosWorld({
    api: ['api', 'timer', 'sequencer'],
    'worker-1': ['worker'],
    'worker-2': ['worker'],
  })
  try {
    const load = startLoad(world.process('api'), 7, 8)
    const stopped = world.process('worker-1')
    for (let round = 0; round < 2; round++) {
      await grown(load.acknowledged, 150)
      stopped.signal('SIGSTOP')
      // The lease lasts ten seconds; the other worker then holds everything.
      await holdsAll(world.process('api').url)
      await grown(load.acknowledged, 150)
      stopped.signal('SIGCONT')
    }
    await load.stop()
    await settled(world.process('api'))
    const found = await audit(world, load.acknowledged, { operations: load.operations })
    expect(found.breaches).toEqual([])
    expect(stopped.deaths).toBe(0)
  } finally {
    await world.close()
  }
}, 240_000)

/** Waits until one worker is named as the owner of every projection. */
async function holdsAll(url: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const response = await fetch(`${url}/status`, {
          headers: { authorization: 'Bearer demo:support:chaos' },
        })
        const { projections } = (await response.json()) as {
          projections: Record<string, { owners: string[] }>
        }
        return new Set(Object.values(projections).flatMap(({ owners }) => owners)).size
      },
      { timeout: 60_000, interval: 250 },
    )
    .toBe(1)
}
