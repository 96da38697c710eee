import { z } from 'zod'

/**
 * The states of an order.
 *
 *   placed → paid → partially-shipped → shipped → delivered
 *     │       └───────────┴──→ cancelled (all of it, before anything was shipped)
 *     ├──→ cancelled
 *     └──→ expired
 *
 * `shipped` when nothing is open any more; the open rest of a partially shipped order may also be cancelled.
 */
export const statuses = [
  'placed',
  'paid',
  'partially-shipped',
  'shipped',
  'delivered',
  'cancelled',
  'expired',
] as const
export const Status = z.enum(statuses)
export type Status = (typeof statuses)[number]

/** The detail of ILLEGAL_TRANSITION. */
export const Transition = z.object({ from: Status, to: Status })
