import type { App } from '../declare/app.ts'
import { streamKey } from '../project/plan-batch.ts'
import type { CommandStatus } from '../run/engine.ts'
import type { Freshness } from './freshness.ts'
import type { ProjectionWatch } from './projection-watch.ts'

export type Progress = CommandStatus['projections'][string]

/** A command as far as its visibility goes. */
export interface CommandTrace {
  readonly commandId: string
  readonly name: string
  readonly aggregateId: string
  /** Of its transaction; 0 when it wrote no events, undefined while not sequenced. */
  readonly position: bigint | undefined
  readonly slots: readonly number[]
}

/** How far each projection is with the events of a command. */
export async function commandProgress(
  app: App,
  freshness: Freshness,
  trace: CommandTrace,
): Promise<Record<string, Progress>> {
  const types = eventTypes(app, trace.name)
  const entries = [...freshness.watches].map(
    async (watch) => [watch.projection.name, await progressOf(watch, trace, types)] as const,
  )
  return Object.fromEntries(await Promise.all(entries))
}

/** The event types that a command may emit; undefined when it may emit any. */
function eventTypes(app: App, name: string): ReadonlySet<string> | undefined {
  const command = app.commands[name]
  return command?.kind === 'command'
    ? new Set(command.aggregate.events.map((event: { readonly type: string }) => event.type))
    : undefined
}

async function progressOf(
  watch: ProjectionWatch,
  trace: CommandTrace,
  types: ReadonlySet<string> | undefined,
): Promise<Progress> {
  const { from } = watch.projection
  if (
    trace.position === 0n ||
    (types !== undefined && !from.some((event) => types.has(event.type)))
  )
    return 'not-relevant'
  const visible = watch.visible(trace.slots)
  const applied = trace.position !== undefined && visible !== undefined && visible >= trace.position
  if (applied) return (await isParked(watch, trace)) ? 'parked' : 'applied'
  return watch.live !== undefined && watch.live !== watch.projection.version
    ? 'rebuilding'
    : 'pending'
}

/** Passed by the checkpoint but put aside: under the aggregate's own key, or as the event that parked another one. */
async function isParked(watch: ProjectionWatch, trace: CommandTrace): Promise<boolean> {
  if (watch.parkedKeys === 0 || watch.store === undefined) return false
  const own = await watch.store.parked([trace.aggregateId, streamKey(trace.aggregateId)])
  if (own.some((parked) => parked.firstPosition <= trace.position!)) return true
  const others = await watch.store.parked(undefined, 1_000)
  return others.some((parked) => parked.failure.eventId.startsWith(`${trace.commandId}/`))
}
