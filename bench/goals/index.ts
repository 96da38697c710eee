import type { Goal } from '../harness/goal.ts'
import { coalesced, singleCommand } from './command-throughput.ts'

/** Every goal, in the order of the flow. */
export const goals: readonly Goal[] = [singleCommand, ...coalesced]
