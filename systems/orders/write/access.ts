import type { Actor, PolicyAnswer } from 'tailrace'
import type { OrderRows } from './order.ts'

/** Who may send commands. Support may everything; the system is never asked. */

interface Asked {
  readonly actor: Actor
  readonly input: { readonly occurredAt?: string | undefined }
}

interface AskedWithRows extends Asked {
  readonly rows: OrderRows
}

/** Only support says that something happened earlier; whoever else may send the command is told so. */
function now({ actor, input }: Asked, allowed: boolean): PolicyAnswer {
  if (!allowed || input.occurredAt === undefined) return allowed
  return {
    because: `expected no "occurredAt" from a ${actor.role}, got one; leave it out: only support says that something happened earlier`,
  }
}

/** The customer whose order it is. */
export function customerOrSupport(asked: AskedWithRows): PolicyAnswer {
  const { actor, rows } = asked
  if (actor.role === 'support') return true
  return now(asked, actor.role === 'customer' && actor.id === rows.order.customerId)
}

export function thisCustomerOrSupport(
  asked: Asked & { readonly input: { readonly customerId: string } },
): PolicyAnswer {
  const { actor, input } = asked
  if (actor.role === 'support') return true
  return now(asked, actor.role === 'customer' && actor.id === input.customerId)
}

/** A seller who sells on the order, for these lines only. Lines that do not exist are for the rules to reject. */
export function sellerOrSupport(asked: AskedWithRows, lines: readonly number[]): PolicyAnswer {
  if (asked.actor.role === 'support') return true
  const { sells, own, known } = linesOfSeller(asked)
  return now(asked, sells && lines.every((line) => own.has(line) || !known.has(line)))
}

/** Any seller with lines in a parcel, as it arrives whole; support may pack lines of several sellers into one. */
export function parcelSellerOrSupport(
  asked: AskedWithRows,
  lines: readonly number[],
): PolicyAnswer {
  if (asked.actor.role === 'support') return true
  const { sells, own } = linesOfSeller(asked)
  return now(asked, sells && (lines.length === 0 || lines.some((line) => own.has(line))))
}

function linesOfSeller({ actor, rows }: AskedWithRows): {
  readonly sells: boolean
  readonly own: ReadonlySet<number>
  readonly known: ReadonlySet<number>
} {
  const own = rows.items.filter(({ sellerId }) => sellerId === actor.id).map(({ line }) => line)
  return {
    sells: actor.role === 'seller' && own.length > 0,
    own: new Set(own),
    known: new Set(rows.items.map(({ line }) => line)),
  }
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
