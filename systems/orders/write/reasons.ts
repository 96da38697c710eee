/** Why items are cancelled: the codes that a marketplace asks its sellers for. Free text is accepted as well. */
export const cancellationReasons = [
  'OUT_OF_STOCK',
  'REQUESTED_BY_CUSTOMER',
  'BAD_CONDITION',
  'HIGHER_SHIPCOST',
  'INCORRECT_PRICE',
  'NOT_AVAIL_IN_TIME',
  'NO_BOL_GUARANTEE',
  'ORDERED_TWICE',
  'RETAIN_ITEM',
  'TECH_ISSUE',
  'UNFINDABLE_ITEM',
  'OTHER',
] as const

/** What becomes of a return. */
export const returnOutcomes = [
  'RETURN_RECEIVED',
  'STILL_APPROVED',
  'EXCHANGE_PRODUCT',
  'REPAIR_PRODUCT',
  'CUSTOMER_KEEPS_PRODUCT_PAID',
  'RETURN_DOES_NOT_MEET_CONDITIONS',
] as const
export type ReturnOutcome = (typeof returnOutcomes)[number]

/** The product is gone and the customer gets the money back. After any other outcome the customer has a product again. */
export function refunds(outcome: string | null): boolean {
  return outcome === 'RETURN_RECEIVED' || outcome === 'STILL_APPROVED'
}
