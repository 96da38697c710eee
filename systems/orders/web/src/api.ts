import { createClient, type Client } from '@tailrace/client'
import { useQuery } from '@tailrace/client/react'
import { useEffect, useState } from 'react'
import type { EngineStatus } from 'tailrace'
import type { orders } from '../../app.ts'
import type { OrderView } from '../../read/order-view.ts'
import { bearer, session, useSession } from './session.ts'

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

export interface AnswerState<D> {
  readonly data: D | undefined
  readonly meta: ReturnType<typeof useQuery>['meta']
  readonly error: Error | undefined
  readonly pending: number
  readonly delayed: boolean
  readonly refetch: () => void
}

/** Watches a query: asked again when its read models move, with the viewer's own pending commands laid over it. */
export function useAnswer<N extends QueryName>(
  name: N,
  input: QueryInput<N>,
): AnswerState<QueryData<N>> {
  useSession()
  const make = client().views[name] as (
    input: unknown,
  ) => ReturnType<Client<Orders>['views']['order']>
  const view = make(input)
  const { data, meta, error, pending, delayed } = useQuery(view)
  return {
    data: data as QueryData<N> | undefined,
    meta,
    error,
    pending,
    delayed,
    refetch: () => void view.refetch(),
  }
}

/** Follows the read models over one connection for as long as a page is open. */
export function useLive(): boolean {
  useSession()
  const current = client()
  const [connected, setConnected] = useState(false)
  useEffect(() => {
    const live = current.live({ onConnected: setConnected })
    return () => live.close()
  }, [current])
  return connected
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
        if (!answer.ok) throw new Error(`the engine's status was answered with ${answer.status}`)
        const data = (await answer.json()) as EngineStatus
        if (!stopped) setState({ data, error: undefined })
      } catch (error) {
        if (!stopped) setState((before) => ({ ...before, error: error as Error }))
      }
    }
    void ask()
    const timer = setInterval(() => void ask(), statusEveryMs)
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
    fetch('/offers.json')
      .then(async (answer) => {
        if (!answer.ok) throw new Error(`the offers were answered with ${answer.status}`)
        setState({ offers: (await answer.json()) as Offer[], error: undefined })
      })
      .catch((error: Error) => setState({ offers: undefined, error }))
  }, [])
  return state
}

/** A fresh uuid for what this page makes. */
export function newId(): string {
  return crypto.randomUUID()
}
