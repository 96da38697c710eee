import { expect, test } from 'vitest'
import { EventHeap, type SimEvent } from './event-heap.ts'
import { Random } from './random.ts'

test('what is pushed comes in order of time and tie, whatever is called off meanwhile', () => {
  const random = new Random(1, 1)
  for (let round = 0; round < 200; round++) {
    const heap = new EventHeap()
    let waiting: SimEvent[] = []
    const first = (): SimEvent | undefined =>
      waiting.toSorted((a, b) => a.at - b.at || a.tie - b.tie)[0]
    for (let step = 0; step < 60; step++) {
      const draw = random.next()
      const picked = random.pick(waiting)
      if (draw < 0.55 || picked === undefined) {
        const event = { at: random.below(9), tie: random.next(), place: -1 } as SimEvent
        heap.push(event)
        waiting.push(event)
      } else if (draw < 0.8) {
        heap.remove(picked)
        heap.remove(picked)
        waiting = waiting.filter((event) => event !== picked)
      } else {
        expect(heap.peek()).toBe(first())
        const popped = heap.pop()
        expect(popped).toBe(first())
        waiting = waiting.filter((event) => event !== popped)
      }
      expect(heap.size).toBe(waiting.length)
    }
  }
})
