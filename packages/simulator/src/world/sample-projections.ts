import {
  bounded,
  projection,
  query,
  rowsProjection,
  sqlProjection,
  strict,
  type Envelope,
} from 'tailrace'
import type { AnyProjectionDef } from 'tailrace/adapter'
import { plain } from './plain-schema.ts'
import type { SampleOrders } from './sample-orders.ts'

/** What a person may change about the running code: whether its folds choke on some events. */
export interface Switches {
  poison: boolean
  /** What the reactor calls does not answer. */
  outsideAway: boolean
}

/** A document that shows each event that it has taken, once and in order: anything else gives another chain. */
export interface ChainDocument {
  /** Of the last event, decimal. */
  readonly position: string
  readonly version: number
  readonly events: number
  readonly chain: number
  readonly deleted: boolean
  /** Only in the second generation. */
  readonly generation?: number
}

interface Data {
  readonly customer: string
  readonly poison: boolean
  readonly line?: number
  readonly lines?: readonly (number | { readonly line: number })[]
}

type OrderEvent = Envelope & { readonly data: Data }

/** A link of a chain: depends on everything that an event says, and on all before it. */
function linked(
  event: Pick<Envelope, 'type' | 'version' | 'stream' | 'data'>,
  chain: number,
): number {
  const text = `${event.type} ${event.stream} ${event.version} ${JSON.stringify(event.data)}`
  let hash = chain
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function next(
  generation: number,
  event: OrderEvent,
  document: ChainDocument | undefined,
): ChainDocument {
  return {
    position: String(event.position),
    version: event.version,
    events: (document?.events ?? 0) + 1,
    chain: linked(event, document?.chain ?? generation),
    deleted: event.type === 'Deleted',
    ...(generation === 1 ? {} : { generation }),
  }
}

function linesOf({ data }: OrderEvent): number[] {
  const lines = (data.lines ?? []).map((one) => (typeof one === 'number' ? one : one.line))
  return data.line === undefined ? lines : [...lines, data.line]
}

const types = [
  'Placed',
  'Added',
  'Removed',
  'Moved',
  'Paid',
  'Touched',
  'Expired',
  'Deleted',
] as const

/** The same handler for every event. */
function onAll<H>(handler: H): Record<(typeof types)[number], H> {
  return Object.fromEntries(types.map((type) => [type, handler])) as Record<
    (typeof types)[number],
    H
  >
}

/** Read models of every shape over the sample orders, and the queries on them. */
export function sampleProjections(orders: SampleOrders, version: number, switches: Switches) {
  const from = orders.events
  const document = plain<ChainDocument>(`generation ${version}`)
  const choke = (event: OrderEvent): void => {
    if (switches.poison && event.data.poison) throw new Error('poisoned')
  }
  /** One document per order; it is deleted with it. */
  const status = projection('status', {
    version,
    from,
    document,
    key: (event) => event.stream,
    on: onAll((event: OrderEvent, before: ChainDocument | undefined) =>
      event.type === 'Deleted' ? null : next(version, event, before),
    ) as never,
  })
  /** Several documents per order; a poisoned event parks those that it touches. */
  const lines = projection('lines', {
    version,
    from,
    document,
    key: (event) => linesOf(event as OrderEvent).map((line) => `${event.stream}/${line}`),
    on: onAll((event: OrderEvent, before: ChainDocument | undefined) => {
      choke(event)
      if (event.type === 'Removed' || event.type === 'Deleted') return null
      return next(version, event, before)
    }) as never,
  })
  /** Documents that mix streams: one owner runs the whole log. */
  const customers = projection('customers', {
    version,
    from,
    scope: 'log',
    document,
    key: (event) => (event as OrderEvent).data.customer,
    on: onAll((event: OrderEvent, before: ChainDocument | undefined) => {
      choke(event)
      return next(version, event, before)
    }) as never,
  })
  const journal = rowsProjection('journal', {
    version,
    from,
    row: plain<{ chain: number }>(`generation ${version}`),
    on: onAll((event: OrderEvent) => [{ chain: linked(event, version) }]) as never,
  })
  const tally = sqlProjection('tally', {
    version,
    from,
    tables: { tally: `generation ${version}` },
    on: onAll(async (event: OrderEvent, tx: SqlTx) => {
      const [before] = (await tx.query<ChainDocument>('get', [event.stream])).rows
      await tx.query('put', [event.stream, next(version, event, before)])
      // After the write: what a failing group has written must not stay.
      choke(event)
    }) as never,
  })
  return { status, lines, customers, journal, tally }
}

interface SqlTx {
  query<Row>(sql: string, parameters: readonly unknown[]): Promise<{ readonly rows: Row[] }>
}

export type SampleProjections = ReturnType<typeof sampleProjections>

/** What is asked. The key of the document is the input, and the answer the document. */
export function sampleQueries(
  projections: SampleProjections,
  used: ReadonlySet<string>,
): Record<string, never> {
  const { status, lines, customers, tally } = projections
  const input = plain<{ readonly key: string }>('key')
  const one = { input, may: 'anyone' } as const
  const byKey = (name: string, reads: AnyProjectionDef, freshness?: ReturnType<typeof strict>) =>
    query(name, {
      ...one,
      reads: { reads },
      ...(freshness === undefined ? {} : { freshness }),
      run: async (readers, { key }) =>
        (await (readers.reads as { get(key: string): Promise<unknown> }).get(key)) ?? null,
    })
  const all = [
    byKey('status', status),
    byKey('status-strict', status, strict({ wait: '2s' })),
    byKey('status-bounded', status, bounded('200ms', { wait: '500ms' })),
    byKey('lines', lines),
    byKey('customers', customers),
    query('tally', {
      ...one,
      reads: { tally },
      run: async (readers, { key }) => (await readers.tally.query('get', [key]))[0] ?? null,
    }),
    query('both', {
      ...one,
      reads: { status, customers },
      run: async (readers, { key }) => (await readers.status.get(key)) ?? null,
    }),
  ]
  return Object.fromEntries(
    all
      .filter(({ reads }) => Object.values(reads).every(({ name }) => used.has(name as string)))
      .map((declared) => [declared.name, declared as never]),
  )
}
