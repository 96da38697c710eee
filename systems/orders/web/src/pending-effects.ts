import type { Patch, QueryView } from '@tailrace/client'
import { amountText } from '../../minor-units.ts'
import {
  client,
  type CommandInput,
  type CommandName,
  type OrderData,
  type QueryData,
} from './api.ts'

type Order = QueryData<'order'>
type Entry = OrderData['timeline'][number]

/**
 * What a command will do to the order page, shown until the read model has it. Guesses of the page, not rules: a rejection
 * takes them back, and the read model's answer replaces them.
 */
export function pendingEffects<N extends CommandName>(
  name: N,
  input: CommandInput<N>,
): readonly Patch[] {
  const { orderId } = input as { readonly orderId: string }
  const view = client().views.order({ orderId })
  switch (name) {
    case 'registerPayment': {
      const { amountMinor, currency } = input as CommandInput<'registerPayment'>
      return [
        effect(view, `Paying ${amountText(amountMinor, currency)}…`, (order) => ({
          ...order,
          paidMinor: order.paidMinor + amountMinor,
        })),
      ]
    }
    case 'requestCancellation':
      return [effect(view, 'Requesting the cancellation…', (order) => order)]
    case 'cancelItems': {
      const lines = new Set((input as CommandInput<'cancelItems'>).items.map(({ line }) => line))
      return [
        effect(view, 'Cancelling…', (order) => ({
          ...order,
          lines: order.lines.map((line) =>
            lines.has(line.line)
              ? { ...line, quantityCancelled: line.quantity - line.quantityShipped }
              : line,
          ),
        })),
      ]
    }
    case 'shipItems': {
      const lines = new Set((input as CommandInput<'shipItems'>).items.map(({ line }) => line))
      return [
        effect(view, 'Shipping…', (order) => ({
          ...order,
          lines: order.lines.map((line) =>
            lines.has(line.line)
              ? { ...line, quantityShipped: line.quantity - line.quantityCancelled }
              : line,
          ),
        })),
      ]
    }
    case 'confirmDelivery':
      return [effect(view, 'Confirming the delivery…', (order) => order)]
    default:
      return []
  }
}

function effect(
  view: QueryView<Order>,
  text: string,
  change: (order: NonNullable<Order>) => NonNullable<Order>,
): Patch {
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
