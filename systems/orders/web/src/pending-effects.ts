import type { Patch, QueryView } from '@tailrace/client'
import { amountText } from '../../minor-units.ts'
import {
  client,
  type CommandInput,
  type CommandName,
  type ListedOrder,
  type OrderData,
  type QueryData,
} from './api.ts'
import { shownLists } from './shown-lists.ts'

// What a command will do to the pages, shown until the read models have it. Guesses of the page, not rules: a rejection
// takes them back, and the read models' answers replace them.

type Order = QueryData<'order'>
type Entry = OrderData['timeline'][number]

/** What a command on an order shows: on the order's page, and in the lists that hold it. */
export function pendingEffects<N extends CommandName>(
  name: N,
  input: CommandInput<N>,
): readonly Patch[] {
  const { orderId } = input as { readonly orderId: string }
  const shown = effectOf(name, input)
  if (shown === undefined) return []
  const [text, change] = shown
  return [
    onPage(client().views.order({ orderId }), text, change),
    ...inLists(orderId, text),
    ...inQueues(orderId, linesIn(input), text),
  ]
}

type Change = (order: NonNullable<Order>) => NonNullable<Order>

function effectOf<N extends CommandName>(
  name: N,
  input: CommandInput<N>,
): readonly [text: string, change: Change] | undefined {
  switch (name) {
    case 'registerPayment': {
      const { amountMinor, currency } = input as CommandInput<'registerPayment'>
      const change: Change = (order) => ({ ...order, paidMinor: order.paidMinor + amountMinor })
      return [`Paying ${amountText(amountMinor, currency)}…`, change]
    }
    case 'requestCancellation':
      return [
        'Requesting the cancellation…',
        onLines(linesIn(input), (line) => ({
          ...line,
          quantityRequested: line.quantity - line.quantityShipped - line.quantityCancelled,
        })),
      ]
    case 'cancelItems':
      return [
        'Cancelling…',
        onLines(linesIn(input), (line) => ({
          ...line,
          quantityCancelled: line.quantity - line.quantityShipped,
        })),
      ]
    case 'shipItems':
      return [
        'Shipping…',
        onLines(linesIn(input), (line) => ({
          ...line,
          quantityShipped: line.quantity - line.quantityCancelled,
        })),
      ]
    case 'confirmDelivery':
      return ['Confirming the delivery…', (order) => order]
    default:
      return undefined
  }
}

/** The lines that a command names; undefined: all. */
function linesIn(input: unknown): ReadonlySet<number> | undefined {
  const { items } = input as { readonly items?: readonly { readonly line: number }[] }
  return items && new Set(items.map(({ line }) => line))
}

type Line = OrderData['lines'][number]

function onLines(lines: ReadonlySet<number> | undefined, change: (line: Line) => Line): Change {
  return (order) => ({
    ...order,
    lines: order.lines.map((line) => (lines?.has(line.line) === false ? line : change(line))),
  })
}

function onPage(view: QueryView<Order>, text: string, change: Change): Patch {
  return view.patch((order) => {
    if (order === null) return null
    const changed = change(order)
    const entry: Entry = {
      at: changed.timeline.at(-1)?.at ?? changed.placedAt,
      type: 'pending',
      text,
      pending: true,
    }
    return { ...changed, timeline: [...changed.timeline, entry] }
  })
}

function inLists(orderId: string, pending: string): Patch[] {
  return shownLists(client(), 'searchOrders')
    .filter(({ view }) => view.getSnapshot().data!.items.some((row) => row.orderId === orderId))
    .map(({ view }) =>
      view.patch((found) => ({
        ...found,
        items: found.items.map((row) => (row.orderId === orderId ? { ...row, pending } : row)),
      })),
    )
}

function inQueues(orderId: string, lines: ReadonlySet<number> | undefined, pending: string) {
  return shownLists(client(), 'sellerQueue')
    .filter(({ view }) => view.getSnapshot().data!.items.some((row) => row.orderId === orderId))
    .map(({ view }) =>
      view.patch((queue) => ({
        ...queue,
        items: queue.items.map((row) =>
          row.orderId === orderId && lines?.has(row.line) !== false ? { ...row, pending } : row,
        ),
      })),
    )
}

/** What placing an order shows: its page, and a row on top of the lists that it belongs to. */
export function placingEffects(order: OrderData): readonly Patch[] {
  const shown: OrderData = {
    ...order,
    timeline: [{ at: order.placedAt, type: 'pending', text: 'Placing the order…', pending: true }],
  }
  const row: ListedOrder = {
    ...order,
    late: false,
    lineCount: order.lines.length,
    lines: order.lines.slice(0, 1),
    pending: 'Placing…',
  }
  return [
    client()
      .views.order({ orderId: order.orderId })
      .patch((known) => known ?? (shown as NonNullable<Order>)),
    ...shownLists(client(), 'searchOrders')
      .filter(({ input }) => isFirstPageOfAll(input))
      .map(({ view }) =>
        view.patch(({ items, total, facets: { status }, ...rest }) => ({
          ...rest,
          items: [row, ...items],
          total: total + 1,
          facets: { status: { ...status, placed: status.placed + 1 } },
        })),
      ),
  ]
}

/** Whether a new order shows on top of the list whatever it holds. */
function isFirstPageOfAll(input: { readonly [filter: string]: unknown }): boolean {
  const { text, late, cursor } = input
  const status = input['status'] as readonly string[] | undefined
  return (
    text === undefined &&
    late === undefined &&
    cursor === undefined &&
    (status === undefined || status.includes('placed'))
  )
}
