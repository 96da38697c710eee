import { describe, expect, test as it } from 'vitest'
import { z } from 'zod'
import {
  aggregate,
  conflict,
  event,
  projection,
  rowsProjection,
  sqlProjection,
  table,
} from 'tailrace'
import {
  customer,
  LineShipped,
  oneLine,
  Order,
  OrderDeleted,
  OrderExpiry,
  OrderPaid,
  OrderPlaced,
  OrderTouched,
  deleteOrder,
  expireOrder,
  payOrder,
  placeOrder,
  removeLine,
  shipLine,
  touchOrder,
} from '../../test/sample-orders.ts'
import { recorded } from './recorded-event.ts'
import { test } from './given-when-then.ts'

const placed = OrderPlaced({ customerId: 'c-1', lines: oneLine, expiresAt: null })
const ship = (quantity: number) => shipLine.call({ orderId: 'o-1', line: 1, quantity })

describe('rules', () => {
  it('passes when the command does what is expected', () => {
    test(Order)
      .when(placeOrder.call({ orderId: 'o-1', customerId: 'c-1', lines: oneLine }))
      .then(placed)
    test(Order)
      .given(placed)
      .when(ship(2))
      .then(LineShipped({ line: 1, quantity: 2 }))
    test(Order)
      .given(placed, LineShipped({ line: 1, quantity: 2 }))
      .when(ship(2))
      .rejects('QTY_EXCEEDS_OPEN', { line: 1, open: 1 })
    test(Order).given(placed).when(ship(9)).rejects('QTY_EXCEEDS_OPEN')
    test(Order).when(ship(1)).refuses('NOT_FOUND')
    test(Order)
      .given(placed)
      .when(placeOrder.call({ orderId: 'o-1', customerId: 'c-1', lines: oneLine }))
      .rejects('ORDER_EXISTS')
    test(Order)
      .given(placed)
      .when(touchOrder.call({ orderId: 'o-1', note: 'nothing' }))
      .then()
    test(Order)
      .when(placeOrder.call({ orderId: 'o-1', customerId: 'c-1', lines: [] }))
      .refuses('INPUT_INVALID')
  })

  it('knows the rejections of the command and their details', () => {
    const given = test(Order).given(placed)
    expect(() =>
      given
        .when(ship(9))
        // @ts-expect-error -- not a rejection of shipLine
        .rejects('ALREADY_PAID'),
    ).toThrow(/to be rejected with ALREADY_PAID, got the rejection QTY_EXCEEDS_OPEN/)
    expect(() =>
      given
        .when(ship(9))
        // @ts-expect-error -- not its detail
        .rejects('QTY_EXCEEDS_OPEN', { line: 1, left: 3 }),
    ).toThrow(/the detail of QTY_EXCEEDS_OPEN/)
  })

  it('fails a rule that makes a rejection and does not return it', () => {
    const forget = Order.command('forget', {
      input: z.object({ orderId: z.string() }),
      target: (input) => input.orderId,
      on: 'existing',
      may: 'anyone',
      rejections: { NO: conflict() },
      decide({ reject }) {
        reject.NO()
        return []
      },
    })
    expect(() =>
      test(Order)
        .given(placed)
        .when(forget.call({ orderId: 'o-1' })),
    ).toThrow('got it made and not returned; write `return reject.NO(…)`')
  })

  it('judges the policy for the actor of the test', () => {
    const pay = payOrder.call({ orderId: 'o-1', paymentId: 'p', amountMinor: 1 })
    test(Order)
      .given(placed)
      .when(pay, { actor: customer })
      .then(OrderPaid({ paymentId: 'p', amountMinor: 1 }))
    test(Order)
      .given(placed)
      .when(pay, { actor: { role: 'customer', id: 'c-2' } })
      .refuses('NOT_ALLOWED')
    test(Order)
      .given(placed)
      .when(expireOrder.call({ orderId: 'o-1' }), { actor: customer })
      .refuses('NOT_ALLOWED')
  })

  it('compares the rows that are left', () => {
    const root = { id: 'o-1', version: 2, customerId: 'c-1', status: 'placed', paidMinor: 0 }
    test(Order)
      .given(placed)
      .when(ship(1))
      .leaves({
        order: root,
        lines: [{ orderId: 'o-1', line: 1, sku: 'a', quantity: 3, shipped: 1 }],
        payments: [],
      })
    test(Order)
      .given(placed)
      .when(deleteOrder.call({ orderId: 'o-1' }))
      .leaves(undefined)
    expect(() =>
      test(Order).given(placed).when(ship(1)).leaves({ order: root, lines: [], payments: [] }),
    ).toThrow(/to leave other rows/)
  })

  it('shows what came instead', () => {
    const verdict = test(Order).given(placed).when(ship(2))
    expect(() => verdict.rejects('QTY_EXCEEDS_OPEN')).toThrow(
      'expected shipLine {"orderId":"o-1","line":1,"quantity":2} to be rejected with QTY_EXCEEDS_OPEN, got LineShipped [{"line":1,"quantity":2}]',
    )
    expect(() => verdict.then(LineShipped({ line: 1, quantity: 1 }))).toThrow(/\+ {5,}quantity: 2/)
    expect(() => verdict.then()).toThrow(/to emit nothing, got LineShipped/)
    expect(() => verdict.refuses('NOT_FOUND')).toThrow(
      /to be refused with NOT_FOUND, got LineShipped/,
    )
    const rejected = test(Order).given(placed).when(ship(9))
    expect(() => rejected.then()).toThrow(
      /got the rejection QTY_EXCEEDS_OPEN \{"line":1,"open":3\}/,
    )
    expect(() => rejected.rejects('QTY_EXCEEDS_OPEN', { line: 1, open: 2 })).toThrow(
      /detail of QTY_EXCEEDS_OPEN/,
    )
  })

  it('lets what a handler throws, and operations that do not fit, fail the test', () => {
    expect(() => test(Order).when(touchOrder.call({ orderId: 'o-1', note: 'throw' }))).toThrow(
      'touched too hard',
    )
    expect(() =>
      test(Order)
        .given(placed)
        .when(removeLine.call({ orderId: 'o-1', line: 7 })),
    ).toThrow(/expected a row of "lines" with orderId "o-1", line 7/)
    expect(() =>
      test(Order)
        .given(OrderTouched({ note: 'x' }))
        .when(ship(1)),
    ).toThrow(/to insert "order"/)
    expect(() =>
      test(Order)
        .given(placed, OrderDeleted({ lines: [], payments: [] }))
        .when(ship(1)),
    ).toThrow(/delete the rows of "lines"/)
  })

  it('refuses calls of another aggregate, made by hand, or awaited', async () => {
    const Other = aggregate('other', {
      id: z.string(),
      rows: { one: table('ones', z.object({ id: z.string(), version: z.int() })) },
      events: [],
      write: {},
    })
    expect(() => test(Other).when(ship(1))).toThrow(/expected a call of a command of other/)
    expect(() => test(Order).when({ command: 'shipLine', input: {} })).toThrow(
      /such as placeOrder.call/,
    )
    expect(() =>
      // @ts-expect-error -- a command is no call of it
      test(Order).when(payOrder),
    ).toThrow(/got the command itself; write payOrder.call\(\{…\}\)$/)
    expect(() =>
      // @ts-expect-error -- a command has no history
      test(payOrder),
    ).toThrow(/expected an aggregate, a projection or a schedule to test, got an object; a command/)
    const wait = (): unknown => test(Order).given(placed).when(ship(1))
    await expect((async () => await wait())()).rejects.toThrow(/not to be awaited/)
  })

  it('checks events, details and rows against their schemas, and that they are JSON', () => {
    const Noted = event('Noted', z.object({ text: z.string().max(3), at: z.any() }))
    const Note = aggregate('note', {
      id: z.string(),
      rows: {
        note: table(
          'notes',
          z.object({ id: z.string(), version: z.int(), text: z.string().min(2) }),
        ),
      },
      events: [Noted],
      write: { Noted: ({ data }, to) => [to.note.insert({ text: data.text })] },
    })
    const note = Note.command('note', {
      input: z.object({ id: z.string(), text: z.string(), at: z.any() }),
      target: (input) => input.id,
      on: 'new',
      may: 'anyone',
      decide: ({ input }) => Noted({ text: input.text, at: input.at }),
    })
    const when = (text: string, at: unknown) => () =>
      test(Note).when(note.call({ id: 'n', text, at }))
    expect(when('abcd', 1)).toThrow(/the data of Noted to fit its schema, got\n {2}\/text/)
    expect(when('a', 1)).toThrow(/the row of "note" to fit its schema/)
    expect(when('ab', new Date(0))).toThrow(
      /event "Noted" to be what JSON can hold, got at "\/at" a Date/,
    )
    expect(when('ab', Number.NaN)).toThrow(/what JSON can hold, got at "\/at" NaN/)
    expect(when('ab', 1n)).toThrow(/what JSON can hold, got at "\/at" a bigint/)
    expect(when('ab', null)).not.toThrow()
  })
})

describe('read models', () => {
  const Status = z.object({ orderId: z.string(), status: z.string(), version: z.int() })
  const OrderStatus = projection('order-status', {
    version: 1,
    from: Order.events,
    document: Status,
    key: (e) => e.stream,
    on: {
      OrderPlaced: (e) => ({ orderId: e.stream, status: 'placed', version: e.version }),
      OrderPaid: (e, doc) => doc && { ...doc, status: 'paid', version: e.version },
      OrderDeleted: () => null,
    },
    otherwise: 'ignore',
  })
  const paid = OrderPaid({ paymentId: 'p', amountMinor: 1 })

  it('folds events into documents', () => {
    test(OrderStatus).given(placed, paid).gives({ orderId: 'stream-1', status: 'paid', version: 2 })
    test(OrderStatus).given(paid).givesNothing()
    test(OrderStatus)
      .given(placed, OrderDeleted({ lines: [], payments: [] }))
      .givesNothing()
    test(OrderStatus)
      .given(
        recorded(placed, { stream: 'o-1' }),
        recorded(placed, { stream: 'o-2' }),
        recorded(paid, { stream: 'o-1' }),
      )
      .givesDocuments({
        'o-1': { orderId: 'o-1', status: 'paid', version: 2 },
        'o-2': { orderId: 'o-2', status: 'placed', version: 1 },
      })
  })

  it('shows the difference', () => {
    expect(() =>
      test(OrderStatus)
        .given(placed, paid)
        .gives({ orderId: 'stream-1', status: 'placed', version: 2 }),
    ).toThrow(/to give another document[^]*\+ +status: 'paid'/)
    expect(() => test(OrderStatus).given(placed).givesNothing()).toThrow(/to give nothing/)
    expect(() =>
      test(OrderStatus)
        .given(recorded(placed, { stream: 'a' }), recorded(placed, { stream: 'b' }))
        .gives({ orderId: 'a', status: 'placed', version: 1 }),
    ).toThrow(/one document, got 2: a, b/)
  })

  it('fails a fold that is not pure, changes its document, or makes one that does not fit', () => {
    let calls = 0
    const fold = (make: (doc: { n: number } | undefined) => { n: number }) =>
      projection('counting', {
        version: 1,
        from: Order.events,
        document: z.object({ n: z.int() }),
        key: () => 'k',
        on: { OrderPlaced: (_, doc) => make(doc) },
        otherwise: 'ignore',
      })
    expect(() =>
      test(fold(() => ({ n: calls++ })))
        .given(placed)
        .gives({ n: 0 }),
    ).toThrow(/the same twice/)
    expect(() =>
      test(fold((doc) => (doc === undefined ? { n: 1 } : Object.assign(doc, { n: 2 }))))
        .given(placed, placed)
        .gives({ n: 2 }),
    ).toThrow(TypeError)
    expect(() =>
      test(fold(() => ({ n: 0.5 })))
        .given(placed)
        .gives({ n: 0.5 }),
    ).toThrow(/document "k" of "counting" after OrderPlaced to fit its schema/)
    const late = fold((async () => ({ n: 1 })) as never)
    expect(() => test(late).given(placed).gives({ n: 1 })).toThrow(
      /a document for OrderPlaced at once, got a promise; folds are synchronous/,
    )
    expect(() => test(late).gives({ n: 1 })).toThrow(/to give one document, got none/)
  })

  it('gives the rows of a rows projection, and says what cannot be tested so', () => {
    const Lines = rowsProjection('lines', {
      version: 1,
      from: Order.events,
      row: z.object({ at: z.string(), sku: z.string() }),
      on: { OrderPlaced: (e) => e.data.lines.map(({ sku }) => ({ at: e.at, sku })) },
      otherwise: 'ignore',
    })
    test(Lines)
      .given(placed, placed)
      .gives([
        { at: '2026-01-01T00:00:01.000Z', sku: 'a' },
        { at: '2026-01-01T00:00:02.000Z', sku: 'a' },
      ])
    const Sql = sqlProjection('sql', {
      version: 1,
      from: Order.events,
      tables: {},
      on: {},
      otherwise: 'ignore',
    })
    // @ts-expect-error -- sql projections run on their store only
    expect(() => test(Sql).given(placed).givesNothing()).toThrow(/sql runs on its store only/)
  })
})

describe('schedules', () => {
  const at = '2026-01-02T00:00:00.000Z'
  const expiring = (expiresAt: string | null) =>
    recorded(OrderPlaced({ customerId: 'c-1', lines: oneLine, expiresAt }), { stream: 'o-1' })
  const paid = OrderPaid({ paymentId: 'p', amountMinor: 1 })

  it('set and cancel the timer of a stream', () => {
    test(OrderExpiry)
      .given(expiring(at))
      .sets(at, expireOrder.call({ orderId: 'o-1' }))
    test(OrderExpiry).given(expiring(at), paid).setsNothing()
    test(OrderExpiry).given(expiring(null)).setsNothing()
  })

  it('show what came instead', () => {
    expect(() => test(OrderExpiry).given(expiring(at)).setsNothing()).toThrow(
      /to leave no timer, got \{"at":"2026/,
    )
    expect(() =>
      test(OrderExpiry)
        .given(expiring(null))
        .sets(at, expireOrder.call({ orderId: 'o-1' })),
    ).toThrow(/to set a timer to 2026-01-02T00:00:00.000Z, got none/)
    expect(() =>
      test(OrderExpiry)
        .given(expiring(at))
        .sets(at, expireOrder.call({ orderId: 'o-2' })),
    ).toThrow(/another timer/)
    expect(() => test(OrderExpiry).given(expiring('tomorrow')).setsNothing()).toThrow(
      /to set an RFC 3339 time, got "tomorrow"/,
    )
  })
})
