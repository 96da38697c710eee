import type { Aggregate } from '../declare/aggregate.ts'
import type { AnyEventDef } from '../declare/event.ts'
import type { ProjectionDef } from '../declare/projection.ts'
import type { TableSet } from '../declare/rows.ts'
import { testAggregate, type AggregateTest } from './test-aggregate.ts'
import { testProjection, type ProjectionTest } from './test-projection.ts'

/**
 * Tests of rules and read models without a database, in any test runner:
 *
 *     test(Order).given(OrderPlaced({ … })).when(shipItems.call({ … })).rejects('NOT_PAID')
 *     test(OrderStatus).given(OrderPlaced({ … }), OrderPaid({ … })).gives({ …, status: 'paid' })
 */
export function test<R extends TableSet, E extends readonly AnyEventDef[]>(
  aggregate: Aggregate<string, string, R, E>,
): AggregateTest<R, E>
export function test<Doc>(
  projection: ProjectionDef<string, 'fold' | 'rows', Doc>,
): ProjectionTest<Doc>
export function test(subject: { readonly kind: 'aggregate' | 'projection' }): unknown {
  return subject.kind === 'aggregate'
    ? testAggregate(subject as Aggregate)
    : testProjection(subject as ProjectionDef<string, 'fold' | 'rows'>)
}
