import { randomUUID } from 'node:crypto'
import type { CommandToRecord, EventToAppend, Row, RowChange, WriteBatch } from 'tailrace/adapter'
import { Account, Order } from './shop-app.ts'

// Batches as the executor makes them, by hand.

export const placedAt = '2026-11-26T01:02:03.456Z'

export function orderRow(id: string, more: Row = {}): Row {
  return {
    id,
    version: 1,
    customer: 'ann',
    status: 'placed',
    totalMinor: 1_500,
    note: null,
    tags: ['a'],
    extra: null,
    raw: null,
    factor: null,
    placedAt,
    dueOn: null,
    seenAt: null,
    paid: false,
    ...more,
  }
}

export function lineRow(orderId: string, line: number, more: Row = {}): Row {
  return { orderId, line, sku: `S${line}`, quantity: 1, unitMinor: 500, ...more }
}

export function change(
  op: RowChange['op'],
  id: string,
  of: 'order' | 'lines' | 'parcels',
  row: Row,
): RowChange {
  return { op, aggregate: Order, id, of, row }
}

export function accountRow(
  op: RowChange['op'],
  id: string,
  version: number,
  balance: number,
): RowChange {
  return { op, aggregate: Account, id, of: 'account', row: { id, version, balance } }
}

export function command(aggregateId: string, more: Partial<CommandToRecord> = {}): CommandToRecord {
  return {
    commandId: randomUUID(),
    name: 'test',
    fingerprint: 'f',
    state: 'committed',
    aggregateId,
    version: 1,
    rejection: undefined,
    slots: [7],
    ...more,
  }
}

export function happened(stream: string, more: Partial<EventToAppend> = {}): EventToAppend {
  return {
    aggregate: 'order',
    stream,
    version: 1,
    slot: 7,
    type: 'Happened',
    schemaVersion: 1,
    data: {},
    commandId: randomUUID(),
    ordinal: 0,
    causationId: undefined,
    traceparent: undefined,
    ...more,
  }
}

export function batch(parts: Partial<WriteBatch>): WriteBatch {
  return { rows: [], guards: [], events: [], commands: [], timers: [], issued: [], ...parts }
}

/** A new order with two lines, its event and its record. */
export function newOrder(id: string = randomUUID(), more: Row = {}): WriteBatch {
  return batch({
    rows: [
      change('insert', id, 'order', orderRow(id, more)),
      change('insert', id, 'lines', lineRow(id, 1)),
      change('insert', id, 'lines', lineRow(id, 2)),
    ],
    events: [happened(id)],
    commands: [command(id)],
  })
}

/** An order's next version with another note. */
export function noted(id: string, expected: number, note: string | null): WriteBatch {
  const version = expected + 1
  return batch({
    rows: [change('update', id, 'order', orderRow(id, { version, note }))],
    guards: [{ aggregate: Order, id, expected }],
    events: [happened(id, { version })],
    commands: [command(id, { version })],
  })
}
