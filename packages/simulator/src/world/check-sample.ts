import type { LoggedEvent, Violation } from '../checker/history.ts'
import type { World } from './world.ts'
import { isReactorsDuty } from './convergence.ts'

/** Commands that the rows or the database may have to refuse. */
const mayFail: ReadonlySet<string> = new Set(['remove', 'pay'])

interface OrderData {
  readonly after: number
  readonly expiresAt?: string | null
  readonly setting?: number
}

/** What only these orders can tell: each decision saw the rows as the event before left them, timers and reactors had one effect. */
export function checkSample(world: World, log: readonly LoggedEvent[]): Violation[] {
  const violations: Violation[] = []
  for (const operation of world.operations) {
    if (operation.kind !== 'command' || mayFail.has(operation.name)) continue
    const { outcome, name, session } = operation
    if (outcome?.kind === 'refused' && outcome.code === 'COMMAND_FAILED')
      violations.push({
        invariant: 'I23',
        text: `${session}: ${name} failed, and nothing was wrong with it`,
      })
  }
  for (const event of log) {
    if (event.aggregate !== 'order') continue
    const { after } = event.data as OrderData
    if (after + 1 !== event.version)
      violations.push({
        invariant: 'I5',
        text: `${event.type} of ${event.stream}, version ${event.version}, was decided on version ${after}`,
      })
  }
  const streams = Map.groupBy(
    log.filter(({ aggregate }) => aggregate === 'order'),
    ({ stream }) => stream,
  )
  for (const [stream, events] of streams) violations.push(...checkTimers(stream, events))
  return [...violations, ...checkNotes(world, log)]
}

/** A timer is issued while it is set, at its time, once: neither after it was cancelled nor after it was set anew. */
function* checkTimers(stream: string, events: readonly LoggedEvent[]): Generator<Violation> {
  let set: { readonly version: number; readonly at: string } | undefined
  for (const { type, version, data, at } of events) {
    const { expiresAt, setting } = data as OrderData
    if (type === 'Placed') set = undefined
    if ((type === 'Placed' || type === 'Touched') && expiresAt) set = { version, at: expiresAt }
    else if (type === 'Paid' || type === 'Deleted') set = undefined
    else if (type === 'Expired') {
      if (set === undefined || set.version !== setting)
        yield {
          invariant: 'I4',
          text: `the timer of ${stream}, set by ${setting}, came when it was not set`,
        }
      else if (at < set.at)
        yield { invariant: 'I4', text: `the timer of ${stream} for ${set.at} came at ${at}` }
      set = undefined
    }
  }
  if (set !== undefined)
    yield { invariant: 'I2', text: `the timer of ${stream} for ${set.at} never came` }
}

function* checkNotes(world: World, log: readonly LoggedEvent[]): Generator<Violation> {
  const notes = Map.groupBy(
    log.filter(({ type }) => type === 'Noted'),
    ({ data }) => (data as { readonly paidBy: string }).paidBy,
  )
  for (const [paidBy, list] of notes)
    if (list.length > 1)
      yield { invariant: 'I11', text: `the reactor had ${list.length} effects for ${paidBy}` }
  for (const { type, slot, position, commandId, ordinal } of log) {
    const id = `${commandId}/${ordinal}`
    if (type !== 'Paid' || notes.has(id)) continue
    // What was given up was repeated since.
    if (isReactorsDuty(world, slot, position))
      yield { invariant: 'I2', text: `the reactor had no effect for ${id}` }
  }
}
