import { test } from 'vitest'
import { busSuite } from './bus-suite.ts'
import { MemoryBus, MemoryTopic } from './memory-bus.ts'

busSuite({
  test,
  name: 'memory',
  create: async () => {
    const topic = new MemoryTopic(3)
    return { connect: async () => new MemoryBus(topic), remove: async () => undefined }
  },
})
