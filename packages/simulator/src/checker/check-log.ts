import type { LoggedEvent, Violation } from './history.ts'

/**
 * The log itself: positions ascend, no event twice, and the versions of each stream have no gap. A stream starts again at 1
 * only after the event that ended it.
 */
export function checkLog(
  log: readonly LoggedEvent[],
  ends: (event: LoggedEvent) => boolean,
): Violation[] {
  const violations: Violation[] = []
  const say = (invariant: string, text: string): void => void violations.push({ invariant, text })
  const last = new Map<string, LoggedEvent>()
  const ids = new Set<string>()
  let before = 0n
  for (const event of log) {
    if (event.position <= before) say('I7', `position ${event.position} comes after ${before}`)
    before = event.position
    const id = `${event.commandId}/${event.ordinal}`
    if (ids.has(id)) say('I4', `event ${id} is in the log twice`)
    ids.add(id)
    const stream = `${event.aggregate} ${event.stream}`
    const previous = last.get(stream)
    const wanted = previous === undefined || ends(previous) ? 1 : previous.version + 1
    if (event.version !== wanted)
      say('I5', `${stream} has version ${event.version} at ${event.position}, not ${wanted}`)
    last.set(stream, event)
  }
  return violations
}
