import { slotCount } from '../log/slot.ts'
import type { EventLog } from '../ports/event-log.ts'

const everything = [{ from: 0, to: slotCount - 1 }]

/**
 * The last position before which every event was recorded earlier than `beforeMs`, milliseconds since 1970; 0 when there is
 * none. Halves the log again and again, with a read of one event each time: events are in the order of their times, but for
 * as long as a transaction takes.
 */
export async function expiredPosition(log: EventLog, beforeMs: number): Promise<bigint> {
  let expired = 0n
  let { position: end } = await log.head()
  while (expired < end) {
    const middle = (expired + end) / 2n
    const { events } = await log.read({ after: middle, slots: everything, limit: 1 })
    const event = events[0]
    if (event === undefined || Date.parse(event.at) >= beforeMs) end = middle
    else expired = event.position
  }
  return expired
}
