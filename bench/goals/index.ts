import type { Goal } from '../harness/goal.ts'
import { appends } from './appends.ts'
import { coalesced, singleCommand } from './command-throughput.ts'
import { eventInHand, visible } from './freshness.ts'
import { hotAggregate } from './hot-aggregate.ts'

/** Every goal, in the order of the flow. */
export const goals: readonly Goal[] = [
  singleCommand,
  ...coalesced,
  ...hotAggregate,
  ...appends,
  eventInHand,
  visible,
]
