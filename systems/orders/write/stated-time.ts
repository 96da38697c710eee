import { rule } from 'tailrace'
import { z } from 'zod'
import { utc } from './fields.ts'

/** Times that somebody states, against the time at which the command is decided. */

/** Clocks of people and carriers may run ahead of the database's by so much. */
const aheadMs = 5 * 60_000

/** What happened has happened by now: every command that takes such a time declares this. */
export const happened = {
  TIME_IN_FUTURE: rule(
    z.object({
      pointer: z.string().describe('JSON Pointer to the time in the input'),
      latest: z.iso.datetime().describe('The latest time that is taken now'),
    }),
  ),
}

interface Stated {
  readonly occurredAt?: string | undefined
  readonly deliveredAt?: string | undefined
}

/** The stated time that is still to come, as the detail of `TIME_IN_FUTURE`. */
export function stillToCome(
  { occurredAt, deliveredAt }: Stated,
  now: string,
): { pointer: string; latest: string } | undefined {
  const latest = new Date(Date.parse(now) + aheadMs).toISOString()
  if (occurredAt !== undefined && utc(occurredAt) > latest)
    return { pointer: '/occurredAt', latest }
  if (deliveredAt !== undefined && utc(deliveredAt) > latest)
    return { pointer: '/deliveredAt', latest }
  return undefined
}
