import type {
  AnyAggregate,
  EventToAppend,
  RowChange,
  TimerToWrite,
  WriteBatch,
} from 'tailrace/adapter'
import { Box, Cup } from './boxes-app.ts'

/** What an entry does with one aggregate: a box (`b1`) or a cup (`c1`). */
export type Change =
  | {
      readonly kind: 'make'
      readonly id: string
      readonly version: number
      readonly labels: readonly string[]
    }
  | {
      readonly kind: 'change'
      readonly id: string
      readonly expected: number
      readonly add: readonly string[]
      readonly drop: readonly string[]
    }
  | {
      readonly kind: 'remove'
      readonly id: string
      readonly expected: number
      readonly labels: readonly string[]
    }
  | { readonly kind: 'guard'; readonly id: string; readonly expected: number }

/** Content of one batch. */
export interface Entry {
  readonly command: number
  readonly changes: readonly Change[]
  readonly timer: { readonly name: string; readonly set: boolean } | undefined
  /** The timer that its command was issued for, by the command that set it; and its id, which differs between servers. */
  readonly issued: { readonly name: string; readonly by: number; readonly id?: string } | undefined
}

/** Timers that are set: name and the number of the command that set it → its id. */
export type TimerIds = ReadonlyMap<string, string>

export const timerPlace = (name: string, by: number | string): string => `${name} by #${by}`

const noTimer = '00000000-0000-4000-8000-00000000dead'

/** The step with the ids that timers have on one server; timers that are not set there have one that none has. */
export function withTimerIds(step: Step, ids: TimerIds): Step {
  const named = (entry: Entry): Entry => {
    if (entry.issued === undefined) return entry
    const { name, by } = entry.issued
    return { ...entry, issued: { name, by, id: ids.get(timerPlace(name, by)) ?? noTimer } }
  }
  if (step.does === 'commit each') return { ...step, entries: step.entries.map(named) }
  return 'entry' in step ? { ...step, entry: named(step.entry) } : step
}

/** What one session does next. Sessions are `s1`, `s2`, …; the sequencer is one of its own. */
export type Step =
  | { readonly by: string; readonly does: 'load'; readonly ids: readonly string[] }
  | { readonly by: string; readonly does: 'commit' | 'write' | 'finish'; readonly entry: Entry }
  | { readonly by: string; readonly does: 'commit each'; readonly entries: readonly Entry[] }
  | { readonly by: string; readonly does: 'lock'; readonly id: string }
  /** `terminate`: the server ends its connection. `vanish`: its process is gone, and the server has not been told. */
  | { readonly by: string; readonly does: 'begin' | 'roll back' | 'terminate' | 'vanish' }
  /** `again`: with the cursor from before the last step. */
  | {
      readonly by: 'sequencer'
      readonly does: 'step'
      readonly limit: number
      readonly again: boolean
    }

export type History = readonly Step[]

export function aggregateOf(id: string): AnyAggregate {
  return id.startsWith('b') ? Box : Cup
}

export function batchOf({ command, changes, timer, issued }: Entry): WriteBatch {
  const commandId = `00000000-0000-4000-8000-${String(command).padStart(12, '0')}`
  const events = changes.flatMap((change, ordinal) => eventOf(change, ordinal, commandId))
  return {
    rows: changes.flatMap(rowsOf),
    guards: changes.flatMap((change) =>
      change.kind === 'make'
        ? []
        : [{ aggregate: aggregateOf(change.id), id: change.id, expected: change.expected }],
    ),
    events,
    commands: [
      {
        commandId,
        name: 'test',
        fingerprint: 'f',
        state: 'committed',
        aggregateId: changes[0]?.id ?? '',
        version: 1,
        rejection: undefined,
        slots: [1],
      },
    ],
    timers: [
      ...(issued === undefined ? [] : [timerChange(issued.name, false, command)]),
      ...(timer === undefined ? [] : [timerChange(timer.name, timer.set, command)]),
    ],
    issued:
      issued === undefined ? [] : [{ schedule: 'later', stream: issued.name, id: issued.id! }],
  }
}

function timerChange(stream: string, set: boolean, command: number): TimerToWrite {
  const at = set ? '2030-01-01T00:00:00.000Z' : undefined
  return { schedule: 'later', stream, at, command: 'test', input: command }
}

function rowsOf(change: Change): RowChange[] {
  const { kind, id } = change
  if (kind === 'guard') return []
  const aggregate = aggregateOf(id)
  const label =
    (op: 'insert' | 'delete') =>
    (code: string): RowChange => ({
      op,
      aggregate,
      id,
      of: 'labels',
      row: { code, boxId: id },
    })
  const root = (op: RowChange['op'], version: number): RowChange => ({
    op,
    aggregate,
    id,
    of: aggregate.root,
    row: { id, version },
  })
  if (kind === 'make')
    return [root('insert', change.version), ...change.labels.map(label('insert'))]
  if (kind === 'remove')
    return [...change.labels.map(label('delete')), root('delete', change.expected)]
  return [
    root('update', change.expected + 1),
    ...change.add.map(label('insert')),
    ...change.drop.map(label('delete')),
  ]
}

function eventOf(change: Change, ordinal: number, commandId: string): EventToAppend[] {
  if (change.kind === 'guard') return []
  return [
    {
      aggregate: aggregateOf(change.id).name,
      stream: change.id,
      version: change.kind === 'make' ? change.version : change.expected + 1,
      slot: 1,
      type: 'Changed',
      schemaVersion: 1,
      data: {},
      commandId,
      ordinal,
      causationId: undefined,
      traceparent: undefined,
    },
  ]
}

export function stepText(step: Step): string {
  switch (step.does) {
    case 'load':
      return `${step.by} loads ${step.ids.join(', ')}`
    case 'lock':
      return `${step.by} locks ${step.id}`
    case 'commit':
    case 'write':
    case 'finish':
      return `${step.by} ${step.does}: ${entryText(step.entry)}`
    case 'commit each':
      return `${step.by} commit each: ${step.entries.map(entryText).join(' | ')}`
    case 'step':
      return `sequencer takes a step of ${step.limit}${step.again ? ' from its cursor before' : ''}`
    default:
      return `${step.by} ${step.does}`
  }
}

function entryText({ command, changes, timer, issued }: Entry): string {
  const parts = changes.map((change) => {
    if (change.kind === 'make')
      return `make ${change.id}@${change.version}${marked('+', change.labels)}`
    const at = `${change.kind} ${change.id}@${change.expected}`
    if (change.kind === 'change') return at + marked('+', change.add) + marked('-', change.drop)
    return change.kind === 'remove' ? at + marked('-', change.labels) : at
  })
  if (timer !== undefined) parts.push(`${timer.set ? 'set' : 'cancel'} timer ${timer.name}`)
  if (issued !== undefined) parts.push(`issued by timer ${timerPlace(issued.name, issued.by)}`)
  return `#${command} ${parts.join(', ')}`
}

function marked(sign: string, labels: readonly string[]): string {
  return labels.map((label) => ` ${sign}${label}`).join('')
}
