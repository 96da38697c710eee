import { ClientError, createClient, type Client } from '@tailrace/client'
import { useEffect, useState } from 'react'
import type { EngineStatus } from 'tailrace'
import type { orders } from '../../app.ts'
import type { OrderView } from '../../read/order-view.ts'
import { bearer, session } from './session.ts'

// Only types come from the server's code: the pages hold no rules.
type Orders = typeof orders
type Queries = Client<Orders>['queries']
type Commands = Client<Orders>['commands']
export type QueryName = keyof Queries
export type CommandName = keyof Commands
export type QueryInput<N extends QueryName> = Parameters<Queries[N]>[0]
export type QueryData<N extends QueryName> = Awaited<ReturnType<Queries[N]>>['data']
export type CommandInput<N extends CommandName> = Parameters<Commands[N]>[0]
export type EngineStatusData = EngineStatus

/** An order on screen; `pending` marks what the viewer did and the read model does not have yet. */
export type OrderData = Omit<OrderView, 'timeline'> & {
  readonly timeline: readonly (OrderView['timeline'][number] & { readonly pending?: boolean })[]
}

/** A row of a list; `pending` says what the viewer is doing to it, until the read model has it. */
export type Row<T> = T & { readonly pending?: string }
export type ListedOrder = Row<QueryData<'searchOrders'>['items'][number]>
export type QueuedLine = Row<QueryData<'sellerQueue'>['items'][number]>

// One client per identity: answers of one must not show to another.
const clients = new Map<string, Client<Orders>>()

export function client(): Client<Orders> {
  const { role, id } = session()
  const key = `${role}:${id}`
  let made = clients.get(key)
  if (made === undefined) {
    made = createClient<Orders>({ token: bearer })
    clients.set(key, made)
  }
  return made
}

const statusEveryMs = 1_000

/** The engine's own view of its projections, once a second. */
export function useEngineStatus(): {
  readonly data: EngineStatus | undefined
  readonly error: Error | undefined
} {
  const [state, setState] = useState<{ data: EngineStatus | undefined; error: Error | undefined }>({
    data: undefined,
    error: undefined,
  })
  useEffect(() => {
    let stopped = false
    const ask = async (): Promise<void> => {
      try {
        const answer = await fetch('/status', { headers: { authorization: `Bearer ${bearer()}` } })
        if (!answer.ok) throw notAnswered('the status of the read models', answer.status)
        const data = (await answer.json()) as EngineStatus
        if (!stopped) setState({ data, error: undefined })
      } catch (error) {
        if (!stopped) setState((before) => ({ ...before, error: unanswered(error) }))
      }
    }
    void ask()
    const timer = setInterval(() => {
      if (!document.hidden) void ask()
    }, statusEveryMs)
    return () => {
      stopped = true
      clearInterval(timer)
    }
  }, [])
  return state
}

export interface Offer {
  readonly sku: string
  readonly sellerId: string
  readonly title: string
  readonly currency: string
  readonly unitMinor: number
}

/** The offers snapshot that the server decides with. */
export function useOffers(): {
  readonly offers: readonly Offer[] | undefined
  readonly error: Error | undefined
} {
  const [state, setState] = useState<{
    offers: readonly Offer[] | undefined
    error: Error | undefined
  }>({ offers: undefined, error: undefined })
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let stopped = false
    const ask = (): void =>
      void readOffers()
        .then((offers) => setState({ offers, error: undefined }))
        .catch((error: unknown) => {
          if (stopped) return
          setState({ offers: undefined, error: unanswered(error) })
          timer = setTimeout(ask, offersAgainMs)
        })
    ask()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }, [])
  return state
}

const offersAgainMs = 3_000

async function readOffers(): Promise<readonly Offer[]> {
  const answer = await fetch('/offers.json')
  if (!answer.ok) throw notAnswered('the offers', answer.status)
  return (await answer.json()) as Offer[]
}

function notAnswered(what: string, status: number): ClientError {
  return new ClientError(`HTTP_${status}`, `expected ${what}, got status ${status}`, { status })
}

/** What plain fetches fail with, as the client's calls would. */
function unanswered(cause: unknown): ClientError {
  if (cause instanceof ClientError) return cause
  return new ClientError('NETWORK', 'expected an answer, got no connection', { cause })
}

/** A fresh uuid for what this page makes. */
export function newId(): string {
  return crypto.randomUUID()
}
