import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ordersAsyncApi } from './asyncapi/orders-events.ts'

// Writes docs/reference/asyncapi.json: what the order system publishes to a bus.
const path = join(import.meta.dirname, '..', 'docs', 'reference', 'asyncapi.json')
writeFileSync(path, `${JSON.stringify(ordersAsyncApi(), null, 2)}\n`)
