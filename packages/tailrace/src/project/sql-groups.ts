import type { ParkEntry, SqlBatch } from '../ports/read-store.ts'
import type { CompiledProjection, SqlHandler } from './compiled-projection.ts'
import { failureOf } from './fold-batch.ts'
import type { BatchPlan, PlannedEvent } from './plan-batch.ts'

/** Runs of a group that fails before its key is parked; the store repeats it. */
const attemptsMax = 2

/** The events of a batch as groups by key for a sql projection, with what is diverted to parked keys. */
export function sqlGroups(
  compiled: CompiledProjection,
  plan: BatchPlan,
  parked: ReadonlySet<string>,
): Pick<SqlBatch, 'groups' | 'park' | 'parkOf'> {
  const waiting = new Map<
    string,
    { key: string; positions: bigint[]; failure: ParkEntry['failure'] }
  >()
  const groups = new Map<string, PlannedEvent[]>()
  const divert = (key: string, event: PlannedEvent, failure: ParkEntry['failure']): void => {
    const entry = waiting.get(key)
    if (entry === undefined) waiting.set(key, { key, positions: [event.position], failure })
    else entry.positions.push(event.position)
  }
  for (const event of plan.events) {
    const known = [event.streamKey, event.keys[0]!].find(
      (key) => parked.has(key) || waiting.has(key),
    )
    if (known !== undefined) divert(known, event, undefined)
    else if (event.failure !== undefined)
      divert(event.streamKey, event, failureOf(event, event.failure, 1))
    else append(groups, event.keys[0]!, event)
  }
  const list = [...groups]
  return {
    groups: list.map(([key, events]) => ({
      key,
      positions: events.map((event) => event.position),
      run: async (tx) => {
        for (const event of events)
          await compiled.handler<SqlHandler>(event.type)(event.envelope!, tx)
      },
    })),
    park: [...waiting.values()],
    // The whole group was undone, so all of it waits; which of its events failed is said by the error.
    parkOf(group, error) {
      const [key, events] = list[group]!
      return {
        key,
        positions: events.map((event) => event.position),
        failure: failureOf(events[0]!, error, attemptsMax),
      }
    },
  }
}

function append(groups: Map<string, PlannedEvent[]>, key: string, event: PlannedEvent): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [event])
  else group.push(event)
}
