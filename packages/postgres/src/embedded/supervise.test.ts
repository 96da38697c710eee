import { expect, test, vi } from 'vitest'
import type { Postmaster } from './postmaster.ts'
import { supervise } from './supervise.ts'

const dead = (): Postmaster => ({ pid: 1, port: 1, ended: Promise.resolve() })

test('gives a server up that ends again and again', async () => {
  const restart = vi.fn(async () => dead())
  await supervise(dead(), restart).ended
  expect(restart).toHaveBeenCalledTimes(5)
})

test('gives a server up that cannot be started again', async () => {
  await supervise(dead(), () => Promise.reject(new Error('no room'))).ended
})
