import { actorOf, type EndpointContext } from './endpoint-context.ts'
import { jsonReply, type Inbound, type Reply } from './exchange.ts'

/** `GET /status`: head and projections. Errors and owners are told only to somebody with an identity. */
export async function statusEndpoint(context: EndpointContext, request: Inbound): Promise<Reply> {
  const [status, actor] = await Promise.all([context.engine.status(), actorOf(context, request)])
  const headers = { 'cache-control': 'no-store' }
  if (actor !== undefined) return jsonReply(200, status, headers)
  const projections = Object.entries(status.projections).map(([name, projection]) => {
    const open: Record<string, unknown> = { ...projection }
    delete open.lastError
    delete open.owners
    return [name, open]
  })
  return jsonReply(200, { ...status, projections: Object.fromEntries(projections) }, headers)
}
