import type { App, CommandSet } from '../declare/app.ts'
import {
  rejecters,
  type AnyCommandDef,
  type MadeRejection,
  type Rejecters,
  type RejectionSet,
} from '../declare/command.ts'
import type { ScheduleDef } from '../declare/schedule.ts'
import type { AnyTransactionalCommandDef } from '../declare/transactional-command.ts'

/** A command with everything that does not change from call to call. */
export type CompiledCommand = CompiledPlain | CompiledTransactional

export interface CompiledPlain {
  readonly kind: 'plain'
  readonly def: AnyCommandDef
  readonly reject: Rejecters<RejectionSet>
  /** Of the run in hand: `decide` answers at once, so there is one at a time. */
  readonly made: MadeRejection
  /** The rejection when `on: 'new'` meets an existing aggregate. */
  readonly exists: { readonly code: string; readonly kind: 'rule' | 'conflict' }
  /** The schedules of its aggregate, by event type. */
  readonly schedules: SchedulesByEvent
}

export interface CompiledTransactional {
  readonly kind: 'transactional'
  readonly def: AnyTransactionalCommandDef
}

export type SchedulesByEvent = ReadonlyMap<string, readonly CompiledSchedule[]>

export interface CompiledSchedule {
  readonly def: ScheduleDef
  /** What there is to be called. */
  readonly commands: CommandSet
}

/** Compiles every command of an app. */
export function compileCommands(app: App): ReadonlyMap<string, CompiledCommand> {
  const compiled = new Map<string, CompiledCommand>()
  for (const def of Object.values(app.commands)) {
    if (def.kind === 'transactional-command') {
      compiled.set(def.name, { kind: 'transactional', def })
    } else {
      const made: MadeRejection = { last: undefined }
      const code: string = def.exists ?? 'AGGREGATE_EXISTS'
      const kind = (def.rejections as RejectionSet)[code]?.kind ?? 'conflict'
      compiled.set(def.name, {
        kind: 'plain',
        def,
        reject: rejecters(def.rejections as RejectionSet, made),
        made,
        exists: { code, kind },
        schedules: schedulesOf(app, def.aggregate.name),
      })
    }
  }
  return compiled
}

/** The schedules of one aggregate, by event type. */
export function schedulesOf(app: App, aggregate: string): SchedulesByEvent {
  const byEvent = new Map<string, CompiledSchedule[]>()
  for (const def of app.schedules) {
    if (def.aggregate.name !== aggregate) continue
    const schedule = { def, commands: app.commands }
    for (const type of Object.keys(def.on))
      byEvent.set(type, [...(byEvent.get(type) ?? []), schedule])
  }
  return byEvent
}
