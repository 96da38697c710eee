import type { Aggregate } from '../declare/aggregate.ts'
import type { AnyEventDef } from '../declare/event.ts'
import type { ProjectionDef } from '../declare/projection.ts'
import type { TableSet } from '../declare/rows.ts'
import type { ScheduleDef } from '../declare/schedule.ts'
import { shownValue } from '../declare/shown-value.ts'
import { fail } from './expectations.ts'
import { testAggregate, type AggregateTest } from './test-aggregate.ts'
import { testProjection, type ProjectionTest } from './test-projection.ts'
import { testSchedule, type ScheduleTest } from './test-schedule.ts'

/**
 * Tests of rules, read models and schedules without a database, in any test runner:
 *
 *     test(Order).given(OrderPlaced({ … })).when(shipItems.call({ … })).rejects('NOT_PAID')
 *     test(OrderStatus).given(OrderPlaced({ … }), OrderPaid({ … })).gives({ …, status: 'paid' })
 *     test(orderExpiry).given(OrderPlaced({ … })).sets('2026-01-02T00:00:00.000Z', expireOrder.call({ … }))
 */
export function test<R extends TableSet, E extends readonly AnyEventDef[]>(
  aggregate: Aggregate<string, string, R, E>,
): AggregateTest<R, E>
export function test<Doc>(
  projection: ProjectionDef<string, 'fold' | 'rows', Doc>,
): ProjectionTest<Doc>
export function test(schedule: ScheduleDef): ScheduleTest
export function test(subject: Aggregate | ProjectionDef | ScheduleDef): unknown {
  if (subject?.kind === 'aggregate') return testAggregate(subject)
  if (subject?.kind === 'schedule') return testSchedule(subject)
  if (subject?.kind !== 'projection')
    fail(
      `expected an aggregate, a projection or a schedule to test, got ${shownValue(subject)}; a command is tested by its aggregate: test(Order).when(payOrder.call({…}))`,
    )
  return testProjection(subject as ProjectionDef<string, 'fold' | 'rows'>)
}
