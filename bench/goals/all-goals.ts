import type { Goal } from '../harness/goal.ts'
import { appends } from './appends.ts'
import { applying } from './apply.ts'
import { clickhouseRows } from './clickhouse.ts'
import { coalesced, singleCommand } from './command-throughput.ts'
import { eventInHand, visible } from './freshness.ts'
import { hotAggregate } from './hot-aggregate.ts'
import { kafkaDelay } from './kafka-delay.ts'
import { kafkaRate } from './kafka-rate.ts'
import { caughtUpInMemory } from './memory.ts'
import { queryApi } from './query-api.ts'
import { reading, rebuilding } from './rebuild.ts'
import { redisApplying } from './redis-apply.ts'
import { searchApplying } from './search-apply.ts'
import { sustainedOrders } from './sustained-orders.ts'

/** Every goal, in the order of the flow. */
export const goals: readonly Goal[] = [
  singleCommand,
  ...coalesced,
  ...hotAggregate,
  ...appends,
  eventInHand,
  visible,
  ...applying,
  reading,
  rebuilding,
  ...queryApi,
  ...sustainedOrders,
  ...caughtUpInMemory,
  ...redisApplying,
  ...kafkaRate,
  ...kafkaDelay,
  ...searchApplying,
  ...clickhouseRows,
]
