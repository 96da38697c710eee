import { expect, test } from 'vitest'
import { LaneQueue, type PlainPending, type TakenLane } from './lane-queue.ts'

const order = { name: 'order' }
const note = { name: 'note' }

/** Commands by name: of which aggregate, and which of its commands. */
function pending(id: string, name: string, aggregate = order): PlainPending {
  return { id, commandId: name, command: { def: { aggregate } } } as unknown as PlainPending
}

function queueOf(...commands: readonly PlainPending[]): LaneQueue {
  const queue = new LaneQueue()
  for (const command of commands) queue.add(command)
  return queue
}

function names(taken: readonly TakenLane[]): string[][] {
  return taken.map(({ commands }) => commands.map(({ commandId }) => commandId))
}

function takeAll(queue: LaneQueue, from: 'ready' | 'careful' = 'ready'): string[][] {
  return names(queue.take(from, 100, 100))
}

test('a batch takes whole aggregates in the order of arrival, each with its commands in order', () => {
  const queue = queueOf(pending('a', '1'), pending('b', '2'), pending('a', '3'), pending('b', '4'))
  expect([queue.size, queue.ready, queue.careful]).toEqual([4, 2, 0])
  expect(takeAll(queue)).toEqual([
    ['1', '3'],
    ['2', '4'],
  ])
  expect(queue.ready).toBe(0)
})

test('aggregates of two kinds with one id are two', () => {
  const queue = queueOf(pending('a', '1'), pending('a', '2', note))
  expect(takeAll(queue)).toEqual([['1'], ['2']])
})

test('an aggregate is in one batch at a time: what comes meanwhile waits for the next, behind what is given back', () => {
  const queue = queueOf(pending('a', '1'), pending('a', '2'), pending('a', '3'))
  const [first] = queue.take('ready', 100, 100)
  queue.add(pending('a', '4'))
  expect(takeAll(queue)).toEqual([])
  queue.giveBack(first!.lane, 1, first!.commands.slice(1))
  expect(queue.size).toBe(3)
  expect(takeAll(queue)).toEqual([['2', '3', '4']])
})

test('commands that were all given back are there when more come', () => {
  const queue = queueOf(pending('a', '1'), pending('a', '2'))
  const [taken] = queue.take('ready', 100, 100)
  queue.giveBack(taken!.lane, 0, taken!.commands)
  queue.add(pending('a', '3'))
  expect(queue.size).toBe(3)
  expect(takeAll(queue)).toEqual([['1', '2', '3']])
})

test('a batch is bounded by commands, by aggregates, and by what one aggregate may give', () => {
  const commands = ['1', '2', '3'].flatMap((name) => [
    pending('a', `a${name}`),
    pending('b', `b${name}`),
  ])
  expect(names(queueOf(...commands).take('ready', 4, 100))).toEqual([['a1', 'a2', 'a3'], ['b1']])
  expect(names(queueOf(...commands).take('ready', 3, 100))).toEqual([['a1', 'a2', 'a3']])
  expect(names(queueOf(...commands).take('ready', 100, 1))).toEqual([['a1', 'a2', 'a3']])
  const queue = queueOf(...commands)
  const [first] = queue.take('ready', 1, 1)
  first!.lane.takeMax = 1
  queue.giveBack(first!.lane, 1, [])
  expect(takeAll(queue)).toEqual([['b1', 'b2', 'b3'], ['a2']])
})

test('what is left of an aggregate keeps its order when it is given back', () => {
  const queue = queueOf(pending('a', '1'), pending('a', '2'), pending('a', '3'))
  const [first] = queue.take('ready', 2, 100)
  queue.add(pending('a', '4'))
  queue.giveBack(first!.lane, 0, first!.commands)
  expect(takeAll(queue)).toEqual([['1', '2', '3', '4']])
})

test('an aggregate that failed goes into the next careful batch, until it is careful no more', () => {
  const queue = queueOf(pending('a', '1'), pending('b', '2'))
  const [first, second] = queue.take('ready', 100, 100)
  first!.lane.careful = true
  queue.giveBack(first!.lane, 0, first!.commands)
  queue.giveBack(second!.lane, 0, second!.commands)
  expect([queue.ready, queue.careful]).toEqual([1, 1])
  const [again] = queue.take('careful', 100, 100)
  expect(names([again!])).toEqual([['1']])
  again!.lane.careful = false
  queue.giveBack(again!.lane, 0, again!.commands)
  expect(takeAll(queue, 'careful')).toEqual([])
  expect(takeAll(queue)).toEqual([['2'], ['1']])
})

test('each hold on an aggregate is another one, and ends when it is given back', () => {
  const queue = queueOf(pending('a', '1'))
  const [first] = queue.take('ready', 100, 100)
  expect(first!.lane.taken).toBe(true)
  queue.giveBack(first!.lane, 0, first!.commands)
  expect(first!.lane.taken).toBe(false)
  const [second] = queue.take('ready', 100, 100)
  expect(second!.turn).not.toBe(first!.turn)
  expect(second!.lane.turn).toBe(second!.turn)
})

test('an aggregate whose commands are all answered is forgotten, with what was known of it', () => {
  const queue = queueOf(pending('a', '1'))
  const [first] = queue.take('ready', 100, 100)
  Object.assign(first!.lane, { careful: true, takeMax: 1, mustLoad: true, delayMs: 50 })
  queue.giveBack(first!.lane, 1, [])
  expect([queue.size, queue.ready, queue.careful]).toEqual([0, 0, 0])
  queue.add(pending('a', '2'))
  const [second] = queue.take('ready', 100, 100)
  expect(second!.lane).toMatchObject({
    careful: false,
    takeMax: Infinity,
    mustLoad: false,
    suspects: 0,
    delayMs: 0,
  })
})
