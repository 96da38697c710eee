import { conflict, rule } from 'tailrace'
import { z } from 'zod'
import { Line } from './fields.ts'
import { itemOf, openOf, type ItemRow } from './order-facts.ts'
import type { OrderRows } from './order.ts'
import { Transition, type Status } from './order-status.ts'

/** What can be wrong with cancelling lines; the same for the request and for the cancellation. */
export const cancellationRejections = {
  ILLEGAL_TRANSITION: conflict(Transition),
  /** Nothing of the line, or of the whole order, is open. */
  ALREADY_SHIPPED: conflict(z.object({ line: z.int().nullable() })),
  UNKNOWN_LINE: rule(z.object({ line: Line })),
  QTY_EXCEEDS_OPEN: rule(z.object({ line: z.int(), open: z.int() })),
}

type Problem =
  | { readonly code: 'ILLEGAL_TRANSITION'; readonly from: Status; readonly to: Status }
  | { readonly code: 'ALREADY_SHIPPED'; readonly line: number | null }
  | { readonly code: 'UNKNOWN_LINE'; readonly line: number }
  | { readonly code: 'QTY_EXCEEDS_OPEN'; readonly line: number; readonly open: number }

export interface Cancellable {
  readonly item: ItemRow
  /** How much of what is open is to be cancelled. */
  readonly quantity: number
}

/** Reads asked lines against what is open; without any, all open lines. */
export function cancellable(
  rows: OrderRows,
  asked: readonly { readonly line: number; readonly quantity?: number | undefined }[] | undefined,
): readonly Cancellable[] | Problem {
  const from = rows.order.status as Status
  if (from === 'cancelled' || from === 'expired')
    return { code: 'ILLEGAL_TRANSITION', from, to: 'cancelled' }
  if (asked === undefined) {
    const open = rows.items
      .filter((item) => openOf(item) > 0)
      .map((item) => ({ item, quantity: openOf(item) }))
    return open.length > 0 ? open : { code: 'ALREADY_SHIPPED', line: null }
  }
  const found: Cancellable[] = []
  for (const { line, quantity } of asked) {
    const item = itemOf(rows, line)
    if (item === undefined) return { code: 'UNKNOWN_LINE', line }
    const open = openOf(item)
    if (open === 0) return { code: 'ALREADY_SHIPPED', line }
    if (quantity !== undefined && quantity > open) return { code: 'QTY_EXCEEDS_OPEN', line, open }
    found.push({ item, quantity: quantity ?? open })
  }
  return found
}

export function isProblem(value: readonly Cancellable[] | Problem): value is Problem {
  return 'code' in value
}

/** Turns a problem into the rejection that the command declares for it. */
export function rejectProblem<R>(problem: Problem, reject: RejectersOf<R>): R {
  switch (problem.code) {
    case 'ILLEGAL_TRANSITION':
      return reject.ILLEGAL_TRANSITION({ from: problem.from, to: problem.to })
    case 'ALREADY_SHIPPED':
      return reject.ALREADY_SHIPPED({ line: problem.line })
    case 'UNKNOWN_LINE':
      return reject.UNKNOWN_LINE({ line: problem.line })
    case 'QTY_EXCEEDS_OPEN':
      return reject.QTY_EXCEEDS_OPEN({ line: problem.line, open: problem.open })
  }
}

interface RejectersOf<R> {
  ILLEGAL_TRANSITION(detail: { from: Status; to: Status }): R
  ALREADY_SHIPPED(detail: { line: number | null }): R
  UNKNOWN_LINE(detail: { line: number }): R
  QTY_EXCEEDS_OPEN(detail: { line: number; open: number }): R
}
