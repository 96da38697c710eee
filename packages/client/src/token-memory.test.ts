import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeToken, encodeToken, type Token } from 'tailrace/adapter'
import { TokenMemory } from './token-memory.ts'
import { memoryStorage } from './token-storage.ts'

const log = { systemId: '00000000000000aa', epoch: 1 }
const write = (value: number, slots: number[] = [], history = log): string =>
  encodeToken({ ...history, kind: 'xid', value: BigInt(value), slots })
const seen = (value: number, history = log): string =>
  encodeToken({ ...history, kind: 'position', value: BigInt(value), slots: [] })

function carried(memory: TokenMemory): Token[] {
  return (memory.header()?.split(',') ?? []).map(decodeToken)
}

const short = (memory: TokenMemory): string[] =>
  carried(memory).map(
    ({ kind, value, slots }) => `${kind} ${value}${slots.length > 0 ? ` in ${slots}` : ''}`,
  )

describe('a client remembers', () => {
  test('nothing at first', () => {
    expect(new TokenMemory(memoryStorage()).header()).toBeUndefined()
  })

  test('the highest position that it saw', () => {
    const memory = new TokenMemory(memoryStorage())
    for (const value of [3, 9, 5]) memory.saw(seen(value), memory.now(), true)
    expect(short(memory)).toEqual(['position 9'])
  })

  test('of writes one after the other only the last, for the slots of all', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.wrote(write(7, [3]), memory.now())
    memory.wrote(write(8, [1, 3]), memory.now())
    memory.wrote(write(9, [200]), memory.now())
    expect(short(memory)).toEqual(['xid 9 in 1,3,200'])
    memory.wrote(write(10), memory.now())
    expect(short(memory)).toEqual(['xid 10'])
  })

  test('so little that servers take the header, however many commands run side by side', () => {
    // Node's limit for all headers is 16 KiB.
    const memory = new TokenMemory(memoryStorage())
    const lanes = Array.from({ length: 60 }, () => memory.now())
    for (let value = 100; value < 2_000; value++) {
      const lane = value % lanes.length
      memory.wrote(write(value, [value % 256]), lanes[lane]!)
      lanes[lane] = memory.now()
    }
    expect(memory.header()!.length).toBeLessThan(8_000)
  })

  test('a write, also when an older command is sent again after it and answers with its first transaction', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.wrote(write(7, [1]), memory.now())
    memory.wrote(write(9, [2]), memory.now())
    memory.wrote(write(7, [1]), memory.now())
    expect(short(memory)).toEqual(['xid 9 in 1,2', 'xid 7 in 1'])
  })

  test('writes that overlapped, also when one of them is sent again and answers with its first transaction', () => {
    const memory = new TokenMemory(memoryStorage())
    const [first, second] = [memory.now(), memory.now()]
    memory.wrote(write(8, [1]), first)
    memory.wrote(write(7, [2]), second)
    memory.wrote(write(8, [1]), undefined)
    expect(short(memory)).toEqual(['xid 7 in 2', 'xid 8 in 1'])
  })

  test('writes that overlapped, also when the page is loaded anew', () => {
    const storage = memoryStorage()
    const before = new TokenMemory(storage)
    const [first, second] = [before.now(), before.now()]
    before.wrote(write(7, [2]), second)
    before.wrote(write(8, [1]), first)
    const after = new TokenMemory(storage)
    expect(short(after)).toEqual(['xid 7 in 2', 'xid 8 in 1'])
    after.wrote(write(9, [3]), after.now())
    expect(short(after)).toEqual(['xid 9 in 1,2,3'])
  })

  test('writes that overlapped side by side, since either may stand behind the other', () => {
    const memory = new TokenMemory(memoryStorage())
    const [first, second] = [memory.now(), memory.now()]
    memory.wrote(write(8, [1]), first)
    memory.wrote(write(7, [2]), second)
    expect(short(memory)).toEqual(['xid 8 in 1', 'xid 7 in 2'])
    memory.wrote(write(9, [4]), memory.now())
    expect(short(memory)).toEqual(['xid 9 in 1,2,4'])
  })

  test('commands of one transaction as one', () => {
    const memory = new TokenMemory(memoryStorage())
    const [first, second] = [memory.now(), memory.now()]
    memory.wrote(write(8, [1]), first)
    memory.wrote(write(8, [2]), second)
    expect(short(memory)).toEqual(['xid 8 in 1,2'])
  })

  test('a position instead of its writes once a fresh answer has seen them', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.wrote(write(7), memory.now())
    const asked = memory.now()
    const sent = memory.now()
    memory.saw(seen(40), asked, false)
    expect(short(memory)).toEqual(['position 40', 'xid 7'])
    memory.wrote(write(8), sent)
    memory.saw(seen(41), asked, true)
    // The write that was answered after the question was not in it.
    expect(short(memory)).toEqual(['position 41', 'xid 8'])
  })

  test('a position alone once a fresh answer to a later question has seen its writes', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.wrote(write(7), memory.now())
    memory.saw(seen(41), memory.now(), true)
    expect(short(memory)).toEqual(['position 41'])
  })

  test('its writes beside an answer that names a transaction and no position', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.wrote(write(9), memory.now())
    memory.saw(write(7), memory.now(), true)
    expect(short(memory)).toEqual(['xid 9', 'xid 7'])
  })

  test('nothing when the server says that its tokens belong to another history', () => {
    const storage = memoryStorage()
    const memory = new TokenMemory(storage)
    memory.wrote(write(7), memory.now())
    memory.saw(seen(3), memory.now(), false)
    memory.clear()
    expect(memory.header()).toBeUndefined()
    expect(memory.generation).toBe(1)
    expect(new TokenMemory(storage).header()).toBeUndefined()
    memory.wrote(write(8), memory.now())
    expect(short(memory)).toEqual(['xid 8'])
  })

  test('the tokens of another system, whatever its epoch', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.saw(seen(3, { ...log, epoch: 12 }), memory.now(), true)
    const other = { systemId: '00000000000000bb', epoch: 1 }
    memory.saw(seen(5, other), memory.now(), true)
    expect(carried(memory)).toMatchObject([{ ...other, value: 5n }])
  })

  test('only the present history', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.wrote(write(7), memory.now())
    memory.saw(seen(3, { ...log, epoch: 2 }), memory.now(), true)
    memory.saw(seen(90), memory.now(), true)
    expect(carried(memory)).toMatchObject([{ epoch: 2, value: 3n }])
    expect(memory.generation).toBe(1)
  })

  test('a token that it cannot read as it is', () => {
    const memory = new TokenMemory(memoryStorage())
    memory.wrote('v9-something', memory.now())
    expect(memory.header()).toBe('v9-something')
  })

  test('everything after a reload', () => {
    const storage = memoryStorage()
    const memory = new TokenMemory(storage)
    memory.wrote(write(7, [1]), memory.now())
    memory.saw(seen(40), memory.now(), false)
    expect(new TokenMemory(storage).header()).toBe(memory.header())
  })

  test('at most 48 writes that overlapped', () => {
    const memory = new TokenMemory(memoryStorage())
    const sent = memory.now()
    for (let value = 1; value <= 100; value++) memory.wrote(write(value), sent)
    expect(carried(memory)).toHaveLength(48)
  })
})

test('what a client carries always stands for every write of its own', () => {
  // Commands begin and end in any order. A transaction id is taken between the two, and what ended before another began
  // stands before it in the log; `position` of an id is how the log ordered them in the end.
  const steps = fc.array(fc.tuple(fc.nat(5), fc.nat(255)), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.nat(1000)), (plan, chance) => {
      const memory = new TokenMemory(memoryStorage())
      const running = new Map<number, { sent: number; xid: number; slot: number }>()
      const positions = new Map<number, number>()
      const done: { xid: number; slot: number }[] = []
      let xid = 0
      let position = 0
      for (const [lane, slot] of plan) {
        const command = running.get(lane)
        if (command === undefined) {
          running.set(lane, { sent: memory.now(), xid: ++xid, slot })
          continue
        }
        running.delete(lane)
        // The log takes it at its commit, before its answer arrives.
        positions.set(command.xid, ++position)
        done.push(command)
        memory.wrote(write(command.xid, [command.slot]), command.sent)
        if (chance.next().value % 7 === 0) memory.saw(seen(position), memory.now(), true)
        const tokens = carried(memory)
        for (const own of done) {
          const covered = tokens.some(({ kind, value, slots }) => {
            const place = kind === 'position' ? Number(value) : positions.get(Number(value))!
            return (
              place >= positions.get(own.xid)! && (slots.length === 0 || slots.includes(own.slot))
            )
          })
          expect(covered).toBe(true)
        }
      }
    }),
    { numRuns: 500 },
  )
})
