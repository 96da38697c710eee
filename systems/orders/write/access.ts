import type { Actor } from 'tailrace'
import type { OrderRows } from './order.ts'

/** Who may send commands. Support may everything; the system is never asked. */

interface Asked {
  readonly actor: Actor
  readonly input: { readonly occurredAt?: string | undefined }
}

interface AskedWithRows extends Asked {
  readonly rows: OrderRows
}

/** Only support says that something happened earlier. */
function now({ input }: Asked): boolean {
  return input.occurredAt === undefined
}

/** The customer whose order it is. */
export function customerOrSupport(asked: AskedWithRows): boolean {
  const { actor, rows } = asked
  if (actor.role === 'support') return true
  return actor.role === 'customer' && actor.id === rows.order.customerId && now(asked)
}

export function thisCustomerOrSupport(
  asked: Asked & { readonly input: { readonly customerId: string } },
): boolean {
  const { actor, input } = asked
  if (actor.role === 'support') return true
  return actor.role === 'customer' && actor.id === input.customerId && now(asked)
}

/** A seller who sells on the order, for these lines only. Lines that do not exist are for the rules to reject. */
export function sellerOrSupport(asked: AskedWithRows, lines: readonly number[]): boolean {
  const { actor, rows } = asked
  if (actor.role === 'support') return true
  if (actor.role !== 'seller' || !now(asked)) return false
  const own = new Set(
    rows.items.filter(({ sellerId }) => sellerId === actor.id).map(({ line }) => line),
  )
  const known = new Set(rows.items.map(({ line }) => line))
  return own.size > 0 && lines.every((line) => own.has(line) || !known.has(line))
}

/** Any seller with lines in a parcel, as it arrives whole; support may pack lines of several sellers into one. */
export function parcelSellerOrSupport(asked: AskedWithRows, lines: readonly number[]): boolean {
  if (lines.length === 0) return sellerOrSupport(asked, lines)
  return lines.some((line) => sellerOrSupport(asked, [line]))
}

/**
 * The lines that a shipment (`out`) or return holds; without a direction, of whichever it is. Of an unknown one none, which
 * leaves the rejection to the rules.
 */
export function linesOfShipment(
  rows: OrderRows,
  id: string,
  direction?: 'out' | 'return',
): number[] {
  const items = new Map(rows.items.map((item) => [item.id, item.line]))
  return rows.shipments
    .filter((row) => row.id === id && (direction === undefined || row.direction === direction))
    .map((row) => items.get(row.orderItemId)!)
}
