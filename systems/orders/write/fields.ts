import { z } from 'zod'

/** The fields that commands, events and read models share. Lower-cased: a uuid is one uuid however it is typed. */
export const Uuid = z.uuid().toLowerCase()
export const OrderId = Uuid.describe('Chosen by the caller')

/** An id or code that people choose: visible characters and single spaces, no slash (keys of read models are made of them). */
const code = (max: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\s/\p{C}]+( [^\s/\p{C}]+)*$/u, 'expected visible characters without a slash')
export const CustomerId = code(64)
export const SellerId = code(64)
export const Sku = code(64)
export const Currency = z.string().regex(/^[A-Z]{3}$/, 'expected an ISO 4217 code such as "EUR"')

/** A text that people wrote. */
export const Words = (max: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'expected no control characters')

// With these bounds the total of an order stays below 2^53: 2,000 lines × 100,000 × 10,000,000 minor units.
export const linesMax = 2_000
export const Line = z.int().min(1).max(linesMax)
export const Quantity = z.int().min(1).max(100_000)
export const UnitMinor = z.int().min(0).max(10_000_000)
export const Minor = z.int().min(0)

/**
 * An instant, RFC 3339 with any offset; kept as UTC with milliseconds. The years leave room on both sides: with any offset,
 * and some days on, an instant is one that PostgreSQL and RFC 3339 can hold. As a pattern, the JSON Schema says it, too.
 */
export const Instant = z.iso
  .datetime({ offset: true, message: 'expected RFC 3339, such as 2026-11-26T12:00:00Z' })
  .regex(/^(?:19[7-9]|2\d\d)\d-/, 'expected a year from 1970 to 2999')

/** An instant in the one form that is stored and compared: UTC, milliseconds, `Z`. */
export function utc(instant: string): string {
  return new Date(instant).toISOString()
}

/**
 * When it happened in the world, if it is recorded later. Only support and the system may say so: it reaches `decide`
 * as the time of the event, while the log keeps the time of recording.
 */
export const OccurredAt = Instant.optional().describe(
  'When it happened, if recorded later, and never to come; support and the system only',
)

const unique = (items: readonly { readonly line: number }[]): boolean =>
  new Set(items.map(({ line }) => line)).size === items.length

/** Lines with an optional quantity; without one, all that is open of the line. */
export const OpenLines = z
  .array(z.strictObject({ line: Line, quantity: Quantity.optional() }))
  .min(1)
  .max(linesMax)
  .refine(unique, 'expected each line once')

export const CountedLines = z
  .array(z.strictObject({ line: Line, quantity: Quantity }))
  .min(1)
  .max(linesMax)
  .refine(unique, 'expected each line once')
