import { setTimeout as pause } from 'node:timers/promises'
import type { Actor } from 'tailrace'
import { expect } from 'vitest'
import { seededOffers } from '../../systems/orders/seeded-offers.ts'
import { orderLife } from '../../systems/orders/traffic/order-life.ts'
import { Random } from '../../systems/orders/traffic/random.ts'

// The same calls of the order system over HTTP, and what they came to without what differs from run to run: times, tokens,
// and the order of things that happened within one millisecond.

const support: Actor = { role: 'support', id: 'sam' }
const orders = 8

/** What was answered to each question, by its name. */
export type Answers = Readonly<Record<string, unknown>>

export class OrdersOverHttp {
  readonly #url: string
  /** Of the last command: questions wait for all of them. */
  #tokens: string[] = []

  constructor(url: string) {
    this.#url = url
  }

  async command(
    name: string,
    actor: Actor,
    input: unknown,
  ): Promise<{ status: number; body: unknown }> {
    const response = await this.#post(`commands/${name}`, actor, input, {})
    const token = response.headers.get('consistency-token')
    if (token !== null) this.#tokens = [token, ...this.#tokens].slice(0, 20)
    return { status: response.status, body: await response.json() }
  }

  /** The answer of a question that holds every command before it. */
  async ask<T>(name: string, actor: Actor, input: unknown): Promise<T> {
    const response = await this.#post(`queries/${name}`, actor, input, {
      'consistency-token': this.#tokens.join(', '),
      prefer: 'consistency=strict, wait=5',
    })
    const body = (await response.json()) as { data: T }
    expect(response.status, JSON.stringify(body)).toBe(200)
    return body.data
  }

  #post(
    path: string,
    actor: Actor,
    input: unknown,
    headers: Record<string, string>,
  ): Promise<Response> {
    return fetch(`${this.#url}/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer demo:${actor.role}:${actor.id}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(input),
    })
  }
}

/** Lets the same orders live, asking for each of them between its commands, and asks about all of them at the end. */
export async function sameCalls(http: OrdersOverHttp): Promise<Answers> {
  const answers: Record<string, unknown> = {}
  const random = new Random(11)
  const offers = seededOffers()
  const ids: string[] = []
  for (let n = 0; n < orders; n++) {
    const steps = orderLife({ random, offers, at: Date.now(), pace: 1 })
    const { orderId } = steps[0]!.input
    ids.push(orderId)
    for (const [i, { command, actor, input }] of steps.entries()) {
      const { status, body } = await http.command(command, actor, input)
      answers[`${n}.${i} ${command}`] = { status, code: (body as { code?: string }).code }
      // Whoever has just sent a command sees it, in the list and in the status.
      answers[`${n}.${i} status`] = await http.ask('orderStatus', support, { orderId })
      const found = await http.ask<Page>('searchOrders', support, { text: orderId })
      answers[`${n}.${i} found`] = found
      expect(found.items.map((item) => item.orderId)).toEqual([orderId])
    }
    // Times are the order of the lists.
    await pause(2)
  }
  for (const [name, actor, input] of questions(ids))
    answers[name] = await http.ask(...split(name), actor, input)
  return masked(answers) as Answers
}

interface Page {
  readonly items: readonly { readonly orderId: string }[]
}

function split(name: string): [string] {
  return [name.split(' ')[0]!]
}

function questions(ids: readonly string[]): [string, Actor, unknown][] {
  const customer: Actor = { role: 'customer', id: 'c-1001' }
  const seller: Actor = { role: 'seller', id: 'lumen-living' }
  return [
    ['searchOrders all', support, { limit: 100 }],
    ['searchOrders page', support, { limit: 5 }],
    ['searchOrders words', support, { text: 'lamp' }],
    ['searchOrders beginning', support, { text: 'bra' }],
    ['searchOrders delivered', support, { status: ['delivered', 'cancelled'], limit: 100 }],
    ['searchOrders late', support, { late: true }],
    ['searchOrders not late', support, { late: false, limit: 100 }],
    ['searchOrders of a seller', support, { sellerId: seller.id, limit: 100 }],
    ['searchOrders as a seller', seller, { limit: 100 }],
    ['searchOrders as a seller, words', seller, { text: 'brass', limit: 100 }],
    ['searchOrders as a customer', customer, { limit: 100 }],
    ['order', support, { orderId: ids[0] }],
    ['order of a seller', seller, { orderId: ids[1] }],
    ['orderStatuses', support, { orderIds: ids }],
    ['customerOrders', support, { customerId: 'c-1001' }],
    ['sellerQueue', support, { sellerId: seller.id, limit: 100 }],
    ['operations', support, {}],
  ]
}

const time = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/
/** Lists of what happened within the same milliseconds; how long steps took; places in such a list. */
const leftOut = new Set(['ordersPerMinute', 'funnel', 'nextCursor', 'day'])

function masked(value: unknown): unknown {
  if (typeof value === 'string') return time.test(value) ? '<time>' : value
  if (Array.isArray(value)) {
    const items = value.map(masked)
    return items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (leftOut.has(key) ? [] : [[key, masked(one)]])),
  )
}
