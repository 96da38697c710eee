import { ordersApp } from '../../systems/orders/app.ts'
import { seededOffers } from '../../systems/orders/seeded-offers.ts'

/** A question whose answer is known. */
export interface Probe {
  readonly query: string
  readonly projections: readonly string[]
  readonly authorization: string
  readonly input: unknown
}

export interface ProbeAnswer {
  readonly status: number
  readonly code: string | undefined
  /** Of an answer: its data. */
  readonly data: string
}

const app = ordersApp({ offers: seededOffers() })

/** The examples of all queries, and what else is asked of orders by their ids. */
export function probesOf(orderIds: readonly string[]): Probe[] {
  return Object.values(app.queries).flatMap((query) =>
    query.examples.flatMap(({ as, input }) => {
      const text = JSON.stringify(input)
      const ids = /"orderIds?"/.test(text) ? orderIds : [orderIds[0]!]
      return ids.map((id) => ({
        query: query.name,
        projections: Object.values(query.reads).map(({ name }) => name),
        authorization: `Bearer demo:${as!.role}:${as!.id}`,
        input: JSON.parse(
          text.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, id),
        ) as unknown,
      }))
    }),
  )
}

/** Orders as the example makes them, each with an id of its own. Answers the ids. */
export async function placeOrders(url: string, first: number, many: number): Promise<string[]> {
  const { examples } = app.commands.placeOrder
  const { as, input } = examples[0]!
  const ids: string[] = []
  for (let n = first; n < first + many; n++) {
    const id = `0b6f2f52-5a3c-4f0e-9a55-${n.toString(16).padStart(12, '0')}`
    const response = await send(url, 'commands/placeOrder', `Bearer demo:${as!.role}:${as!.id}`, {
      ...(input as object),
      orderId: id,
    })
    if (response.status !== 200) throw new Error(`expected an order, got ${await response.text()}`)
    ids.push(id)
  }
  return ids
}

export async function ask(url: string, probe: Probe): Promise<ProbeAnswer> {
  const response = await send(url, `queries/${probe.query}`, probe.authorization, probe.input)
  const body = (await response.json()) as { readonly code?: string; readonly data?: unknown }
  return { status: response.status, code: body.code, data: JSON.stringify(body.data) }
}

function send(url: string, path: string, authorization: string, input: unknown): Promise<Response> {
  return fetch(`${url}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(60_000),
  })
}
