import { amountText } from '../minor-units.ts'
import type { OrderEvent } from './order-event.ts'
import type { OrderDoc } from './order-view.ts'

/** Says in one sentence what an event means to the reader of an order; undefined when it does not concern them. */
export function timelineText(
  event: OrderEvent,
  doc: OrderDoc,
  sellerId: string | undefined,
): string | undefined {
  const whole = sellerId === undefined
  switch (event.type) {
    case 'OrderPlaced':
      return 'Order placed'
    case 'PaymentRegistered': {
      const { method, amountMinor, state } = event.data
      if (!whole) return undefined
      return `${amountText(amountMinor, doc.currency)} by ${method} received${state === 'received' ? '' : ', too late'}`
    }
    case 'OrderPaid':
      return 'Order paid'
    case 'ItemsShipped': {
      const what = portions(event.data.items, doc, sellerId)
      return what && `Shipped ${what} with ${event.data.carrier}, ${event.data.tracking}`
    }
    case 'ShipmentDelivered': {
      const what = portions(event.data.items, doc, sellerId)
      return (
        what &&
        `Delivered ${what}${event.data.deliveredBeforeShipped ? ' (reported before it was shipped)' : ''}`
      )
    }
    case 'OrderDelivered':
      return 'Order delivered'
    case 'CancellationRequested': {
      const items = event.data.items.map((item) => ({ ...item, quantity: item.quantityRequested }))
      const what = portions(items, doc, sellerId)
      return what && `Customer asks to cancel ${what}: ${event.data.reason}`
    }
    case 'ItemsCancelled': {
      const what = portions(event.data.items, doc, sellerId)
      return what && `Cancelled ${what}: ${event.data.reason}`
    }
    case 'OrderCancelled':
      return 'Order cancelled'
    case 'OrderExpired':
      return 'Order expired: not paid in time'
    case 'RefundDue':
      return whole
        ? `${amountText(event.data.amountMinor, doc.currency)} to be paid back`
        : undefined
    case 'ReturnRegistered': {
      const what = portions(event.data.items, doc, sellerId)
      return what && `Customer returns ${what}: ${event.data.reason}`
    }
    case 'ReturnHandled': {
      const what = portions(event.data.items, doc, sellerId)
      return (
        what &&
        `Return of ${what} handled: ${event.data.outcome.toLowerCase().replaceAll('_', ' ')}`
      )
    }
  }
}

interface Portion {
  readonly line: number
  readonly sellerId: string
  readonly quantity: number
}

const namedMax = 2

/** "2 × Desk lamp, brass and 3 more lines"; undefined when no line is the reader's. */
function portions(
  items: readonly Portion[],
  doc: OrderDoc,
  sellerId: string | undefined,
): string | undefined {
  const own = items.filter((item) => sellerId === undefined || item.sellerId === sellerId)
  if (own.length === 0) return undefined
  const titles = new Map(doc.lines.map(({ line, title }) => [line, title]))
  const named = own
    .slice(0, namedMax)
    .map(({ line, quantity }) => `${quantity} × ${titles.get(line) ?? `line ${line}`}`)
  const more = own.length - named.length
  return (
    named.join(' and ') + (more === 0 ? '' : ` and ${more} more ${more === 1 ? 'line' : 'lines'}`)
  )
}
