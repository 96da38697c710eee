import { openOrders } from '../../systems/orders/main.ts'

// One process of the order system, for tests that kill it: `node orders-process.ts '<settings as JSON>'`. Says `ready <url>`.

interface ProcessSettings {
  readonly dataDir: string
  readonly writeUrl: string
  readonly readUrl: string
  readonly roles: readonly ('api' | 'sequencer' | 'worker' | 'timer')[]
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ProcessSettings
const { roles } = settings
const orders = await openOrders({
  ...settings,
  ...(roles.includes('api') ? { port: 0 } : {}),
  step: () => undefined,
})
process.on('SIGTERM', () => void orders.stop().then(() => process.exit(0)))
// An orphan must not outlive the test that started it.
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.exit(1)
}, 500).unref()
process.stdout.write(`ready ${orders.url ?? '-'}\n`)
