import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openOrders } from '../../systems/orders/main.ts'

// The order system in a process of its own, for the fuzzers: `node served-orders.ts '<settings as JSON>'`. Its parent speaks with
// it by messages: `delay` asks for the longest block of the event loop since the last time, in milliseconds.

interface ServedSettings {
  readonly dataDir: string
  readonly writeUrl: string
  readonly readUrl: string
}

const orders = await openOrders({
  ...(JSON.parse(process.argv[2] ?? '{}') as ServedSettings),
  port: 0,
  step: () => undefined,
})
const resolutionMs = 5
const loop = monitorEventLoopDelay({ resolution: resolutionMs })
loop.enable()
process.on('message', (message) => {
  if (message === 'delay') {
    process.send!({ blockedMs: Math.max(0, loop.max / 1e6 - resolutionMs) })
    loop.reset()
  } else if (message === 'stop') void orders.stop().then(() => process.exit(0))
})
// An orphan must not outlive the one that started it.
process.on('disconnect', () => process.exit(1))
process.send!({ url: orders.url })
