import type { CommandCall } from '../declare/command.ts'
import type { AnyEventDef, NewEvent } from '../declare/event.ts'
import type { ScheduleDef } from '../declare/schedule.ts'
import { expectEqual, expectFits, fail } from './expectations.ts'
import { recorder, type RecordedGiven } from './recorded-event.ts'

export interface ScheduleTest {
  /** Events of one stream, in order; each must fit its schema. Say the stream with `recorded`. */
  given(...events: readonly (NewEvent | RecordedGiven)[]): ScheduleTest
  /** After them the timer is set: to this time, for this command. */
  sets(at: string, call: CommandCall): void
  /** After them no timer is set. */
  setsNothing(): void
}

/** Tests a schedule, without a timer: `given(events).sets(at, call)`. */
export function testSchedule(
  schedule: ScheduleDef,
  history: readonly (NewEvent | RecordedGiven)[] = [],
): ScheduleTest {
  return {
    given: (...events) => testSchedule(schedule, [...history, ...events]),
    sets(at, { command, input }) {
      const timer = timerAfter(schedule, history)
      if (timer === undefined) fail(`expected "${schedule.name}" to set a timer to ${at}, got none`)
      expectEqual(timer, { at, command, input }, `expected "${schedule.name}" to set another timer`)
    },
    setsNothing() {
      const timer = timerAfter(schedule, history)
      if (timer !== undefined)
        fail(`expected "${schedule.name}" to leave no timer, got ${JSON.stringify(timer)}`)
    },
  }
}

function timerAfter(
  schedule: ScheduleDef,
  history: readonly (NewEvent | RecordedGiven)[],
): (CommandCall & { readonly at: string }) | undefined {
  let timer: (CommandCall & { readonly at: string }) | undefined
  const record = recorder()
  for (const given of history) {
    const def = (schedule.aggregate.events as readonly AnyEventDef[]).find(
      (one) => one.type === given.type,
    )
    if (def === undefined)
      fail(`expected events of ${schedule.aggregate.name}, got "${given.type}"`)
    expectFits(def.schema, given.data, `the data of ${given.type}`)
    const { type, data, stream, version } = record(given)
    const change = schedule.on[type]?.({ type, data, id: stream, version })
    if (change === 'cancel') timer = undefined
    else if (change !== undefined) {
      if (Number.isNaN(Date.parse(change.at)))
        fail(`expected "${schedule.name}" to set an RFC 3339 time, got "${change.at}"`)
      timer = { at: change.at, command: change.call.command, input: change.call.input }
    }
  }
  return timer
}
