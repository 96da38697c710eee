import { expect, test } from 'vitest'
import { testClock } from '../testing/test-clock.ts'
import type { ProjectionStore, ReadStore } from '../ports/read-store.ts'
import { findLostEnd } from './lost-end.ts'
import type { BoundProjection } from './stores-of.ts'

const history = { systemId: '00000000000000aa', epoch: 1 }

function bound(
  name: string,
  position: bigint | 'hangs',
  at = '00000000000000aa/1',
): BoundProjection {
  const checkpoints = new Map([[0, { position, history: at }]])
  const store = {
    name,
    liveVersion: () =>
      position === 'hangs' ? new Promise(() => undefined) : Promise.resolve(undefined),
    open: async () => ({ checkpoints: async () => checkpoints }) as unknown as ProjectionStore,
  }
  return { projection: { name, version: 1 } as never, store: store as unknown as ReadStore }
}

function log(position: bigint) {
  return { identity: history, head: async () => ({ ...history, position }) as never }
}

test('a read model beyond the end of the log shows that its end was lost', async () => {
  const clock = testClock()
  const models = [bound('a', 5n), bound('b', 9n), bound('other', 99n, 'bb/1')]
  expect(await findLostEnd(models, log(7n), clock)).toEqual({
    passed: 9n,
    head: 7n,
    projection: 'b',
  })
  expect(await findLostEnd(models, log(9n), clock)).toBeUndefined()
})

test('a store that hangs holds nobody up, and hides nothing that others show', async () => {
  const clock = testClock()
  const found = findLostEnd([bound('a', 'hangs'), bound('b', 9n)], log(7n), clock)
  // The other one answers first.
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(2_000)
  expect(await found).toMatchObject({ passed: 9n, projection: 'b' })
})
