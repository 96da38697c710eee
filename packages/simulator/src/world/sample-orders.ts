import {
  aggregate,
  conflict,
  event,
  many,
  reactor,
  rule,
  schedule,
  table,
  transactionalCommand,
} from 'tailrace'
import { plain } from './plain-schema.ts'
import type { Switches } from './sample-projections.ts'

interface Line {
  readonly line: number
  readonly quantity: number
}

/** What every event says: whose order it is, the version of the rows that its decision saw, and whether folds choke on it. */
interface Common {
  readonly customer: string
  readonly after: number
  readonly poison: boolean
}

interface OrderRow {
  readonly id: string
  readonly version: number
  readonly customer: string
  readonly status: string
  readonly expiresAt: string | null
}

interface LineRow extends Line {
  readonly orderId: string
}

interface PaymentRow {
  readonly id: string
  readonly orderId: string
  readonly amount: number
}

/** Code of two generations: the second one writes another version of one event. */
export type Code = 1 | 2

/**
 * Orders with lines, payments, timers, rejections and moves between two of them; small, but with every path through the
 * engine that the order system has.
 */
export function sampleOrders(code: Code, switches: Pick<Switches, 'outsideAway'>) {
  const Placed = event(
    'Placed',
    plain<Common & { lines: readonly Line[]; expiresAt: string | null }>('Placed'),
  )
  const Added = event('Added', plain<Common & Line>('Added'))
  const Removed = event('Removed', plain<Common & { line: number }>('Removed'))
  const Moved = event('Moved', plain<Common & Line>('Moved'))
  const Paid = event('Paid', plain<Common & { payment: string; amount: number }>('Paid'))
  const touched = plain<Common & { note: string; expiresAt: string | null; mood?: string }>(
    'Touched',
  )
  const Touched =
    code === 1
      ? event('Touched', touched)
      : event('Touched', 2, touched, { from1: (old) => ({ ...old, mood: 'unknown' }) })
  const Expired = event('Expired', plain<Common & { setting: number }>('Expired'))
  const Deleted = event(
    'Deleted',
    plain<Common & { lines: readonly number[]; payments: readonly string[] }>('Deleted'),
  )
  const events = [Placed, Added, Removed, Moved, Paid, Touched, Expired, Deleted] as const

  const Order = aggregate('order', {
    id: plain<string>('id'),
    rows: {
      order: table('orders', plain<OrderRow>('orders')),
      lines: many('order_lines', plain<LineRow>('lines'), ['orderId', 'line']),
      payments: many('payments', plain<PaymentRow>('payments')),
    },
    events,
    write: {
      Placed: ({ data, id }, to) => [
        to.order.insert({ customer: data.customer, status: 'placed', expiresAt: data.expiresAt }),
        ...data.lines.map((line) => to.lines.insert({ orderId: id, ...line })),
      ],
      Added: ({ data: { line, quantity }, id }, to) => [
        to.lines.insert({ orderId: id, line, quantity }),
      ],
      Removed: ({ data, id }, to) => [to.lines.delete({ orderId: id, line: data.line })],
      Moved: ({ data: { line, quantity }, id }, to) => [
        to.lines.update({ orderId: id, line }, { quantity }),
      ],
      Paid: ({ data, id }, to) => [
        to.order.update({ status: 'paid' }),
        to.payments.insert({ id: data.payment, orderId: id, amount: data.amount }),
      ],
      Touched: ({ data }, to) =>
        data.expiresAt === null ? [] : [to.order.update({ expiresAt: data.expiresAt })],
      Expired: (_, to) => [to.order.update({ expiresAt: null })],
      Deleted: ({ data, id }, to) => [
        ...data.lines.map((line) => to.lines.delete({ orderId: id, line })),
        ...data.payments.map((payment) => to.payments.delete({ id: payment })),
        to.order.delete(),
      ],
    },
  })

  const place = Order.command('place', {
    input: plain<{
      id: string
      customer: string
      lines: readonly Line[]
      expiresAt: string | null
      poison: boolean
    }>('place'),
    target: (input) => input.id,
    on: 'new',
    may: 'authenticated',
    rejections: { ORDER_EXISTS: conflict(), NO_LINES: rule() },
    exists: 'ORDER_EXISTS',
    decide: ({ input: { customer, lines, expiresAt, poison }, reject }) =>
      lines.length === 0
        ? reject.NO_LINES()
        : Placed({ customer, lines, expiresAt, poison, after: 0 }),
  })

  const add = Order.command('add', {
    input: plain<{ id: string; line: number; quantity: number; poison: boolean }>('add'),
    target: (input) => input.id,
    on: 'existing',
    may: ({ rows }) => rows.order.customer !== '',
    rejections: { LINE_EXISTS: conflict(plain<{ line: number }>('line')) },
    decide: ({ input: { line, quantity, poison }, rows: { order, lines }, reject }) =>
      lines.some((other) => other.line === line)
        ? reject.LINE_EXISTS({ line })
        : Added({ line, quantity, poison, customer: order.customer, after: order.version }),
  })

  const remove = Order.command('remove', {
    input: plain<{ id: string; line: number }>('remove'),
    target: (input) => input.id,
    on: 'existing',
    may: 'authenticated',
    // No check: a line that is not there is an operation that does not fit the rows.
    decide: ({ input: { line }, rows: { order } }) => [
      Removed({ line, poison: false, customer: order.customer, after: order.version }),
    ],
  })

  const pay = Order.command('pay', {
    input: plain<{ id: string; payment: string; amount: number }>('pay'),
    target: (input) => input.id,
    on: 'existing',
    may: 'authenticated',
    rejections: { ALREADY_PAID: conflict() },
    decide: ({ input: { payment, amount }, rows: { order }, reject }) =>
      order.status === 'paid'
        ? reject.ALREADY_PAID()
        : Paid({ payment, amount, poison: false, customer: order.customer, after: order.version }),
  })

  const touch = Order.command('touch', {
    input: plain<{ id: string; customer: string; note: string; expiresAt: string | null }>('touch'),
    target: (input) => input.id,
    on: 'either',
    may: 'authenticated',
    decide({ input: { customer, note, expiresAt }, rows }) {
      if (note === 'nothing') return []
      const own = rows?.order.customer ?? customer
      const placed =
        rows === undefined
          ? [Placed({ customer, lines: [], expiresAt: null, poison: false, after: 0 })]
          : []
      const after = rows?.order.version ?? 1
      const mood = code === 2 ? { mood: 'fine' } : {}
      return [...placed, Touched({ note, expiresAt, customer: own, poison: false, after, ...mood })]
    },
  })

  const drop = Order.command('drop', {
    input: plain<{ id: string }>('drop'),
    target: (input) => input.id,
    on: 'existing',
    may: 'authenticated',
    decide: ({ rows: { order, lines, payments } }) =>
      Deleted({
        lines: lines.map(({ line }) => line),
        payments: payments.map(({ id }) => id),
        customer: order.customer,
        poison: false,
        after: order.version,
      }),
  })

  const expire = Order.command('expire', {
    input: plain<{ id: string; setting: number }>('expire'),
    target: (input) => input.id,
    on: 'existing',
    may: 'system',
    // Not guarded by the state on purpose: a timer that is issued twice leaves two events.
    decide: ({ input: { setting }, rows: { order } }) =>
      Expired({ setting, customer: order.customer, poison: false, after: order.version }),
  })

  /** Moves quantity between two orders: two aggregates in one transaction. */
  const move = transactionalCommand('move', {
    input: plain<{ id: string; from: string; line: number; quantity: number }>('move'),
    target: (input) => input.id,
    may: 'authenticated',
    rejections: { NOT_THERE: rule() },
    async run({ input: { id, from, line, quantity }, load, emit, tx, reject }) {
      if (id === from) return reject.NOT_THERE()
      await tx.query('select 1')
      const [source, goal] = await Promise.all([load(Order, from), load(Order, id)])
      const giving = source?.lines.find((row) => row.line === line)
      const taking = goal?.lines.find((row) => row.line === line)
      if (giving === undefined || taking === undefined) return reject.NOT_THERE()
      const moved = (order: OrderRow, row: LineRow, change: number) =>
        Moved({
          line,
          quantity: row.quantity + change,
          customer: order.customer,
          poison: false,
          after: order.version,
        })
      void emit(Order, from, moved(source!.order, giving, -quantity))
      await emit(Order, id, moved(goal!.order, taking, quantity))
    },
  })

  const expiry = schedule('expiry', Order, {
    Placed: ({ data, id, version }) =>
      data.expiresAt === null
        ? undefined
        : { at: data.expiresAt, call: expire.call({ id, setting: version }) },
    Touched: ({ data, id, version }) =>
      data.expiresAt === null
        ? undefined
        : { at: data.expiresAt, call: expire.call({ id, setting: version }) },
    Paid: () => 'cancel',
    Deleted: () => 'cancel',
  })

  const Noted = event('Noted', plain<{ order: string; paidBy: string }>('Noted'))
  const Note = aggregate('note', {
    id: plain<string>('id'),
    rows: {
      note: table('notes', plain<{ id: string; version: number; count: number }>('notes')),
    },
    events: [Noted],
    write: {
      Noted: ({ version }, to) =>
        version === 1 ? [to.note.insert({ count: 1 })] : [to.note.update({ count: version })],
    },
  })
  const note = Note.command('note', {
    input: plain<{ id: string; order: string; paidBy: string }>('note'),
    target: (input) => input.id,
    on: 'either',
    may: 'system',
    decide: ({ input: { order, paidBy } }) => Noted({ order, paidBy }),
  })
  const followUp = reactor('follow-up', {
    from: [Paid],
    on: {
      Paid: (paid, { send }) => {
        if (switches.outsideAway) throw new Error('the outside is away')
        return send(note.call({ id: `n-${paid.stream}`, order: paid.stream, paidBy: paid.id }))
      },
    },
  })

  return {
    events,
    Order,
    Note,
    commands: { place, add, remove, pay, touch, drop, expire, move, note },
    schedules: { expiry },
    reactors: { followUp },
  }
}

export type SampleOrders = ReturnType<typeof sampleOrders>
