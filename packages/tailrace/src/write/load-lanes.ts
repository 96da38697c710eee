import { isTailraceError } from '../errors.ts'
import type { CommandRecord, WriteStore } from '../ports/write-store.ts'
import { stateOf, type AggregateState } from './aggregate-state.ts'
import type { Lane, TakenLane } from './lane-queue.ts'
import { mayBeRecorded } from './pending-command.ts'

/** What a batch loaded: the aggregates asked for, and the records that exist of its commands. */
export interface Loads {
  readonly states: Map<Lane, AggregateState>
  readonly records: Map<string, CommandRecord>
}

/** A part of a batch that could not be loaded. */
export interface LoadFailure {
  readonly one: TakenLane
  readonly error: unknown
}

/**
 * Loads aggregates and the records of their commands, in one round trip. When that fails although the database answers,
 * one at a time: an aggregate whose rows cannot be read must not take the others with it.
 */
export async function loadLanes(
  store: WriteStore,
  wanted: readonly TakenLane[],
): Promise<{ readonly loads: Loads; readonly failures: readonly LoadFailure[] }> {
  const loads: Loads = { states: new Map(), records: new Map() }
  if (wanted.length === 0) return { loads, failures: [] }
  try {
    await loadInto(loads, store, wanted)
    return { loads, failures: [] }
  } catch (error) {
    const unavailable = isTailraceError(error) && error.code === 'UNAVAILABLE'
    if (unavailable || wanted.length === 1)
      return { loads, failures: wanted.map((one) => ({ one, error })) }
  }
  const failures: LoadFailure[] = []
  for (const one of wanted) {
    try {
      await loadInto(loads, store, [one])
    } catch (error) {
      failures.push({ one, error })
    }
  }
  return { loads, failures }
}

async function loadInto(
  { states, records }: Loads,
  store: WriteStore,
  wanted: readonly TakenLane[],
): Promise<void> {
  const commandIds: string[] = []
  for (const { commands } of wanted) {
    for (const pending of commands) if (mayBeRecorded(pending)) commandIds.push(pending.commandId)
  }
  const keys = wanted.map(({ lane }) => lane)
  const loaded = await store.load(keys, commandIds)
  for (let i = 0; i < keys.length; i++)
    states.set(keys[i]!, stateOf(keys[i]!.aggregate, loaded.aggregates[i]))
  for (const record of loaded.commands)
    if (record !== undefined) records.set(record.commandId, record)
}
