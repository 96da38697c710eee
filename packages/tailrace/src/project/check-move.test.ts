import { expect, test } from 'vitest'
import type { CheckpointMove } from '../ports/read-store.ts'
import { checkMove } from './check-move.ts'

const own = '00000000000000aa/2'

function moving(
  from: bigint | undefined,
  fence: bigint,
  current: { position: bigint; fence: bigint; history?: string } | undefined,
): void {
  const move: CheckpointMove = { range: 3, slots: { from: 0, to: 255 }, fence, from, to: 90n }
  checkMove(current === undefined ? undefined : { history: own, ...current }, move, own, 'notes 1')
}

test.each<[string, () => void]>([
  ['a range that never started begins', () => moving(undefined, 1n, undefined)],
  ['a checkpoint goes on from where it stands', () => moving(5n, 4n, { position: 5n, fence: 4n })],
  ['a later holder goes on', () => moving(5n, 4n, { position: 5n, fence: 3n })],
  ['from position 0, which is a position', () => moving(0n, 4n, { position: 0n, fence: 4n })],
  [
    'an earlier epoch of the same log goes on in this one',
    () => moving(5n, 4n, { position: 5n, fence: 4n, history: '00000000000000aa/1' }),
  ],
])('%s', (_, move) => expect(move).not.toThrow())

test.each<[string, () => void, string]>([
  [
    'a higher fence has written',
    () => moving(5n, 4n, { position: 5n, fence: 5n }),
    'expected to hold range 3 of notes 1 with fence 4, got a checkpoint of fence 5',
  ],
  [
    'it is further',
    () => moving(5n, 4n, { position: 6n, fence: 4n }),
    'expected range 3 of notes 1 at 5, got 6',
  ],
  [
    'it is not so far',
    () => moving(5n, 4n, { position: 4n, fence: 4n }),
    'expected range 3 of notes 1 at 5, got 4',
  ],
  [
    'somebody has begun it',
    () => moving(undefined, 4n, { position: 0n, fence: 4n }),
    'at no position, got 0',
  ],
  ['it is not there any more', () => moving(0n, 4n, undefined), 'at 0, got no position'],
  [
    'it is of another log',
    () => moving(5n, 4n, { position: 5n, fence: 4n, history: '00000000000000ab/2' }),
    'in history 00000000000000aa/2 or an earlier one, got 00000000000000ab/2',
  ],
  [
    'it is of another log in an earlier epoch',
    () => moving(5n, 4n, { position: 5n, fence: 4n, history: '00000000000000ab/1' }),
    'or an earlier one, got 00000000000000ab/1',
  ],
  [
    'it is of a later epoch, by number',
    () => moving(5n, 4n, { position: 5n, fence: 4n, history: '00000000000000aa/10' }),
    'or an earlier one, got 00000000000000aa/10',
  ],
])('no checkpoint moves when %s', (_, move, message) => {
  expect(move).toThrow(
    expect.objectContaining({
      code: 'PROJECTION_FENCED',
      message: expect.stringContaining(message),
    }),
  )
})
