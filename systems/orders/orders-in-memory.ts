import type { Actor, Envelope, PolicyAnswer, ProjectionDef, RowOperation } from 'tailrace'
import { validateNow, type Row } from 'tailrace/adapter'
import { ordersApp } from './app.ts'
import type { OrderEvent } from './read/order-event.ts'
import { seededOffers } from './seeded-offers.ts'
import { Order, type OrderRows } from './write/order.ts'

/**
 * The order system without a database, for tests of rules and folds: commands decide on rows in memory, their events are
 * written into the rows and kept as a log that read models fold.
 */
export type Told =
  | { readonly kind: 'committed'; readonly events: readonly OrderEvent[] }
  | {
      readonly kind: 'rejected'
      readonly code: string
      readonly rejection: 'rule' | 'conflict'
      readonly detail: unknown
    }
  | {
      readonly kind: 'refused'
      readonly code: 'NOT_FOUND' | 'NOT_ALLOWED' | 'INPUT_INVALID'
      readonly because?: string
    }

interface Stream {
  readonly rows: OrderRows
  readonly version: number
}

// oxlint-disable-next-line typescript/no-explicit-any
type Loose = Record<'decide' | 'may' | 'target', any>
type AnyCommand = (typeof app.commands)[keyof typeof app.commands] & Loose
type AnyProjection<Doc> = ProjectionDef<string, 'fold', Doc>

const app = ordersApp({ offers: seededOffers() })

export class OrdersInMemory {
  readonly log: OrderEvent[] = []
  /** What `now` is for the next command. */
  now = '2026-11-26T12:00:00.000Z'
  readonly #streams = new Map<string, Stream>()

  rowsOf(orderId: string): OrderRows | undefined {
    return this.#streams.get(orderId)?.rows
  }

  /** Sends a command as somebody. */
  send(name: keyof typeof app.commands, actor: Actor, given: unknown): Told {
    const command = app.commands[name] as AnyCommand
    const valid = validateNow(command.input, given)
    if (!valid.ok) return { kind: 'refused', code: 'INPUT_INVALID' }
    const input: unknown = valid.value
    const id = command.target(input) as string
    const stream = this.#streams.get(id)
    if (command.on === 'existing' && stream === undefined)
      return { kind: 'refused', code: 'NOT_FOUND' }
    const { may } = command
    const answer =
      actor.role === 'system' ||
      (typeof may === 'function' && (may({ input, rows: stream?.rows, actor }) as PolicyAnswer))
    if (answer !== true) return { kind: 'refused', code: 'NOT_ALLOWED', ...answer }
    if (command.on === 'new' && stream !== undefined)
      return rejected(command, command.exists!, undefined)
    const commandId = `command-${this.log.length}`
    const reject = new Proxy(
      {},
      { get: (_, code) => (detail: unknown) => rejected(command, String(code), detail) },
    )
    const context = { input, rows: frozen(stream?.rows), actor, now: this.now, commandId, reject }
    const told = command.decide(context) as Told | NewOrderEvent | readonly NewOrderEvent[]
    if ('kind' in told) return told
    return {
      kind: 'committed',
      events: [told].flat().map((event) => this.#append(id, event, commandId)),
    }
  }

  /** Sends as somebody and expects it to be committed. */
  done(name: keyof typeof app.commands, actor: Actor, input: unknown): readonly OrderEvent[] {
    const told = this.send(name, actor, input)
    if (told.kind !== 'committed')
      throw new Error(`expected ${name} to be committed, got ${JSON.stringify(told)}`)
    return told.events
  }

  /** The documents that a read model has after the log. */
  fold<Doc>(projection: AnyProjection<Doc>): Map<string, Doc> {
    const documents = new Map<string, Doc>()
    const keysOf = projection.keysOf as (event: OrderEvent) => readonly string[]
    for (const event of this.log) {
      for (const key of keysOf(event)) {
        const handler = projection.on[event.type] as unknown as (
          event: OrderEvent,
          doc: Doc | undefined,
          key: string,
        ) => Doc | null | undefined
        const next = handler(event, frozen(documents.get(key)), key)
        if (next === null) documents.delete(key)
        else if (next !== undefined) documents.set(key, next)
      }
    }
    return documents
  }

  #append(id: string, { type, data }: NewOrderEvent, commandId: string): OrderEvent {
    const before = this.#streams.get(id)
    const version = (before?.version ?? 0) + 1
    const event = {
      id: `${commandId}/${version}`,
      type,
      data: structuredClone(data),
      aggregate: Order.name,
      stream: id,
      version,
      position: BigInt(this.log.length + 1),
      slot: 0,
      at: this.now,
      correlationId: commandId,
    } satisfies Envelope as unknown as OrderEvent
    expectValid(event)
    this.#streams.set(id, { rows: written(before?.rows, id, version, event), version })
    this.log.push(event)
    return event
  }
}

interface NewOrderEvent {
  readonly type: OrderEvent['type']
  readonly data: OrderEvent['data']
}

function rejected(command: AnyCommand, code: string, detail: unknown): Told {
  const declared = (
    command.rejections as Record<
      string,
      { kind: 'rule' | 'conflict'; detail?: unknown } | undefined
    >
  )[code]
  if (declared === undefined) throw new Error(`expected ${command.name} to declare ${code}`)
  return { kind: 'rejected', code, rejection: declared.kind, detail }
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) frozen(part)
  return Object.freeze(value)
}

const schemas = new Map(Order.events.map((def) => [def.type as string, def.schema]))

function expectValid(event: OrderEvent): void {
  const valid = validateNow(schemas.get(event.type)!, event.data)
  if (!valid.ok)
    throw new Error(`expected valid data of ${event.type}, got ${JSON.stringify(valid.issues)}`)
}

type Tables = Record<'order' | 'items' | 'payments' | 'shipments', Row[]>

function written(
  rows: OrderRows | undefined,
  id: string,
  version: number,
  event: OrderEvent,
): OrderRows {
  const tables: Tables = {
    order: rows ? [rows.order] : [],
    items: [...(rows?.items ?? [])],
    payments: [...(rows?.payments ?? [])],
    shipments: [...(rows?.shipments ?? [])],
  }
  const operations = Order.write[event.type]!(
    { type: event.type, data: event.data, id, version },
    writers as never,
  )
  for (const operation of operations) apply(tables, operation)
  tables.order = [{ ...tables.order[0], id, version }]
  return frozen({ ...tables, order: tables.order[0] } as unknown as OrderRows)
}

function apply(tables: Tables, operation: RowOperation): void {
  const table = tables[operation.of as keyof Tables]
  if (operation.op === 'insert') {
    const { row } = operation
    const taken =
      keys[operation.of]?.length &&
      table.some((one) => keys[operation.of]!.every((name) => one[name] === row[name]))
    if (taken) throw new Error(`expected a new key in ${operation.of}, got ${JSON.stringify(row)}`)
    table.push(row)
    return
  }
  const at = table.findIndex((row) =>
    Object.entries(operation.key).every(([name, value]) => row[name] === value),
  )
  if (at < 0) throw new Error(`expected a row of ${operation.of} for ${JSON.stringify(operation)}`)
  if (operation.op === 'update') table[at] = { ...table[at], ...operation.set }
  else table.splice(at, 1)
}

const keys: Readonly<Record<string, readonly string[]>> = {
  items: ['id'],
  payments: ['orderId', 'id'],
  shipments: ['orderItemId', 'id'],
}

const writers = {
  order: {
    insert: (row: Row) => ({ op: 'insert', of: 'order', row }),
    update: (set: Row) => ({ op: 'update', of: 'order', key: {}, set }),
  },
  ...Object.fromEntries(
    ['items', 'payments', 'shipments'].map((of) => [
      of,
      {
        insert: (row: Row) => ({ op: 'insert', of, row }),
        update: (key: Row, set: Row) => ({ op: 'update', of, key, set }),
      },
    ]),
  ),
}
