import { expect, test } from 'vitest'
import { choose } from './account.ts'

test('runs the server as an ordinary user itself', () => {
  expect(choose(1000, () => true)).toEqual({ kind: 'same', prefix: [] })
})

test.runIf(process.platform === 'linux')('shows root as nobody in a user namespace', () => {
  expect(choose(0, () => true)).toMatchObject({
    kind: 'namespace',
    prefix: expect.arrayContaining(['unshare']),
  })
})

test('hands the data to nobody where root may not make a user namespace', () => {
  expect(choose(0, () => false)).toEqual({ kind: 'nobody', prefix: [], uid: 65534, gid: 65534 })
})
