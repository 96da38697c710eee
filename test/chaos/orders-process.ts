import { enginesFromEnv } from '../../systems/orders/engines.ts'
import { orders as ordersDeclared } from '../../systems/orders/app.ts'
import { openOrders } from '../../systems/orders/main.ts'
import type { RoleName } from './chaos-world.ts'

// One process of the order system, for tests that harm it: `node orders-process.ts '<settings as JSON>'`. Says `ready <url>`.
// Engines come from the environment.

interface ProcessSettings {
  readonly dataDir: string
  readonly writeUrl: string
  readonly readUrl: string
  readonly roles: readonly RoleName[]
}

// CHAOS_RELEASE makes it so many releases later: the version of each read model is counted up as often.
const release = Number(process.env['CHAOS_RELEASE'] ?? 0)
for (const declared of ordersDeclared.projections.values())
  Object.assign(declared, { version: declared.version + release })

const settings = JSON.parse(process.argv[2] ?? '{}') as ProcessSettings
const { roles } = settings
const orders = await openOrders({
  ...settings,
  engines: enginesFromEnv(process.env),
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
