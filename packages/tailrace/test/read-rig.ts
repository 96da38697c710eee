import { MemoryLeases } from '@tailrace/conformance'
import { z } from 'zod'
import {
  aggregate,
  app,
  event,
  eventual,
  projection,
  query,
  table,
  type Freshness as Wanted,
  type Policy,
} from '../src/index.ts'
import { slotRanges } from '../src/log/slot.ts'
import { openReadPath, type ReadPath } from '../src/read/read-path.ts'
import { testClock, type TestClock } from '../src/testing/test-clock.ts'
import type { RunnerStatus } from '../src/project/projection-runner.ts'
import type { App } from '../src/declare/app.ts'
import { drive, turn } from './drive.ts'
import { ManualLog } from './manual-log.ts'
import { ManualStore } from './manual-store.ts'

const Noted = event('Noted', z.object({ text: z.string() }))
const Other = event('Other', z.object({}))
const NoteRow = z.object({ id: z.string(), version: z.int(), text: z.string() })

const Note = aggregate('note', {
  id: z.string(),
  rows: { note: table('notes', NoteRow) },
  events: [Noted],
  write: { Noted: ({ data }, to) => [to.note.insert({ text: data.text })] },
})

const OtherThing = aggregate('other', {
  id: z.string(),
  rows: { other: table('others', z.object({ id: z.string(), version: z.int() })) },
  events: [Other],
  write: { Other: (_, to) => [to.other.insert({})] },
})

export const Notes = projection('notes', {
  version: 1,
  from: [Noted],
  document: z.object({ text: z.string() }),
  key: (e) => e.stream,
  on: { Noted: (e) => ({ text: e.data.text }) },
  lag: { slo: '500ms' },
})

export interface RigOptions {
  readonly freshness?: Wanted
  readonly may?: Policy<{ readonly input: { readonly id: string } }>
  readonly maxWaiters?: number
  readonly runMs?: number
  readonly workers?: () => readonly RunnerStatus[]
  /** Default: 1. */
  readonly declaredVersion?: number
}

/** The read path on a log and a store that a test moves by hand, with a clock that stands still. */
export interface ReadRig {
  readonly app: App
  readonly clock: TestClock
  readonly log: ManualLog
  readonly store: ManualStore
  readonly leases: MemoryLeases
  readonly read: ReadPath
  /** Lets a promise settle, moving the clock when everything waits for it. */
  settled<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass in small steps, so that loops run. */
  pass(ms: number): Promise<void>
}

export async function readRig(options: RigOptions = {}): Promise<ReadRig> {
  const clock = testClock()
  const log = new ManualLog(clock)
  const store = new ManualStore()
  const leases = new MemoryLeases(clock)
  await leases.ensure('notes', 1, slotRanges(4))
  await leases.claim({
    owner: 'worker-1',
    ttlMs: 3_600_000,
    projections: [{ projection: 'notes', version: 1, max: 4 }],
  })
  store.move(0n)
  const reads = { ...Notes, version: options.declaredVersion ?? 1 }
  const note = query('note', {
    input: z.object({ id: z.string() }),
    reads: { notes: reads },
    may: options.may ?? 'anyone',
    freshness: options.freshness ?? eventual(),
    run: async ({ notes }, { id }) => {
      if (id === 'throws') throw new Error('the query is broken')
      return (await notes.get(id)) ?? null
    },
  })
  const all = query('all', {
    input: z.object({}),
    reads: { notes: reads },
    may: 'anyone',
    run: async ({ notes }) => (await notes.find({})).items,
  })
  const spare = Note.command('spare', {
    input: z.object({ id: z.string() }),
    target: (input) => input.id,
    on: 'either',
    may: 'anyone',
    decide: () => [Noted({ text: 'x' })],
  })
  const elsewhere = OtherThing.command('elsewhere', {
    input: z.object({ id: z.string() }),
    target: (input) => input.id,
    on: 'either',
    may: 'anyone',
    decide: () => [Other({})],
  })
  const application = app({
    aggregates: { Note, OtherThing },
    commands: { spare, elsewhere },
    projections: { reads },
    queries: { note, all },
  })
  const read = await openReadPath({
    app: application as App,
    stores: { notes: store },
    log,
    leases,
    clock,
    workers: options.workers ?? (() => []),
    maxWaiters: options.maxWaiters,
    runMs: options.runMs,
  })
  return {
    app: application as App,
    clock,
    log,
    store,
    leases,
    read,
    settled: (promise) => drive(clock, promise),
    async pass(ms) {
      for (let left = ms; left > 0; left -= 5) {
        clock.advance(Math.min(5, left))
        await turn()
      }
    },
  }
}
