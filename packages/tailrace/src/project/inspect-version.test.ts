import { expect, test } from 'vitest'
import type { LogEpoch, LogHead } from '../ports/event-log.ts'
import { divergence } from './inspect-version.ts'

const head = { systemId: 'a', epoch: 2, position: 1_000_050n } as LogHead
const epochs = [
  { systemId: 'a', epoch: 1, firstPosition: 0n, lastPosition: 0n },
  { systemId: 'a', epoch: 2, firstPosition: 1_000_030n, lastPosition: 30n },
] as unknown as LogEpoch[]

const at = (position: bigint, history = 'a/2') => divergence({ position, history }, head, epochs)

test('a checkpoint in the history of the log can be continued from', () => {
  expect(at(0n)).toBeUndefined()
  expect(at(1_000_050n)).toBeUndefined()
  expect(at(30n, 'a/1')).toBeUndefined()
})

test.for([
  [31n, 'a/1', 'of which only 30 positions survived'],
  [1_000_051n, 'a/2', 'beyond the head 1000050'],
  [5n, 'b/1', 'unknown history b/1'],
  [5n, '', 'unknown history'],
  [-7n, 'a/2', 'which no log has'],
] as const)('position %s of history "%s" cannot be', ([position, history, why]) => {
  expect(at(position, history)).toContain(why)
})
