import type { OrderDoc } from './order-view.ts'

/** How long a timeline grows. What is left out of a longer one is said by one entry that stands where the last of it was. */
export const timelineMax = 200
/** These many stay at both ends, whatever happens. */
const firstKept = 50
const lastKept = 100

type Timeline = Pick<OrderDoc, 'timeline' | 'timelineLeftOut'>
type Entry = OrderDoc['timeline'][number]

const leftOutType = 'EntriesLeftOut'

/**
 * The timeline with one more entry. When it is full, the oldest request to cancel goes, as those can be repeated without
 * end; without any, the oldest of the middle. So how an order began stays, and so does what was paid and sent.
 */
export function withEntry(before: Timeline, entry: Entry): Timeline {
  const timeline = [...before.timeline, entry]
  let { timelineLeftOut } = before
  if (timeline.length <= timelineMax) return { timeline, timelineLeftOut }
  let mark = timeline.findIndex(({ type }) => type === leftOutType)
  let { at } = mark < 0 ? entry : timeline.splice(mark, 1)[0]!
  while (timeline.length >= timelineMax) {
    const left = leastWanted(timeline)
    const [gone] = timeline.splice(left, 1)
    timelineLeftOut += 1
    if (left < mark) mark -= 1
    else {
      mark = left
      at = gone!.at
    }
  }
  timeline.splice(mark, 0, { at, type: leftOutType, text: leftOutText(timelineLeftOut) })
  return { timeline, timelineLeftOut }
}

function leastWanted(timeline: readonly Entry[]): number {
  const end = timeline.length - lastKept
  const request = timeline.findIndex(
    ({ type }, i) => i > 0 && i < end && type === 'CancellationRequested',
  )
  return request < 0 ? firstKept : request
}

function leftOutText(count: number): string {
  return count === 1 ? '1 earlier entry is left out' : `${count} earlier entries are left out`
}
