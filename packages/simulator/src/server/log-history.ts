import type { LogEpoch } from 'tailrace/adapter'
import type { Database } from './database.ts'

/** How far positions jump when a history begins: more than a lost tail can have had. */
const epochJump = 1_000_000n

/** Makes sure that the present history is that of this timeline: a restore begins a new one. */
export function establishHistory(database: Database): LogEpoch {
  const { state, systemId } = database
  const last = state.epochs.at(-1)
  if (last?.timeline === state.timeline) return last
  const step = state.steps.at(-1)!
  const first = last === undefined
  const firstPosition = first ? step.position : step.position + epochJump
  if (!first) {
    database.simulation.marks.sometimes('a new history begins')
    state.steps.push({ ...step, previous: step.position, position: firstPosition })
  }
  const epoch = {
    systemId,
    epoch: (last?.epoch ?? 0) + 1,
    lastPosition: first ? 0n : step.position,
    firstPosition: first ? 0n : firstPosition,
    timeline: state.timeline,
  }
  state.epochs.push(epoch)
  return epoch
}
