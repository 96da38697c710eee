import { actorOf, type EndpointContext } from './endpoint-context.ts'
import { jsonReply, type Inbound, type Reply } from './exchange.ts'

/** What names servers, processes, streams or errors, wherever it stands in the status. */
const guarded: ReadonlySet<string> = new Set([
  'lastError',
  'sequencerError',
  'owner',
  'owners',
  'recent',
])

/** `GET /status`: head, projections, reactors, timers, bus. Errors and owners are told only to somebody with an identity. */
export async function statusEndpoint(context: EndpointContext, request: Inbound): Promise<Reply> {
  const [status, actor] = await Promise.all([context.engine.status(), actorOf(context, request)])
  const headers = { 'cache-control': 'no-store' }
  if (actor !== undefined) return jsonReply(200, status, headers)
  return jsonReply(200, open(status), headers)
}

function open(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(open)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name]) => !guarded.has(name))
  return Object.fromEntries(kept.map(([name, one]) => [name, open(one)]))
}
