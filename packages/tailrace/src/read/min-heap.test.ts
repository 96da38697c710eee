import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { MinHeap } from './min-heap.ts'

interface Item {
  readonly rank: number
  gone: boolean
}

test('gives items by rank, whatever is pushed, popped and dropped between', () => {
  const step = fc.oneof(
    fc.record({ op: fc.constant('push' as const), rank: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ op: fc.constant('pop' as const) }),
    fc.record({ op: fc.constant('drop' as const), which: fc.nat(100) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new MinHeap<Item, number>((item) => item.rank)
      const model: Item[] = []
      for (const one of steps) {
        if (one.op === 'push') {
          const item = { rank: one.rank, gone: false }
          heap.push(item)
          model.push(item)
        } else if (one.op === 'pop') {
          const lowest = heap.pop()
          expect(lowest?.rank).toBe(
            model.length === 0 ? undefined : Math.min(...model.map(({ rank }) => rank)),
          )
          if (lowest !== undefined) model.splice(model.indexOf(lowest), 1)
        } else if (model.length > 0) {
          heap.drop(model.splice(one.which % model.length, 1)[0]!)
        }
        expect(heap.size).toBe(model.length)
      }
    }),
  )
})
