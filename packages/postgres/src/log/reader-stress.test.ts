import { setTimeout as pause } from 'node:timers/promises'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { writeEvents } from '../../../../test/support/log-writers.ts'
import { startSequencer } from '../../../tailrace/src/log/sequencer-loop.ts'
import { systemClock } from '../../../tailrace/src/run/system-clock.ts'
import { mulberry32 } from 'tailrace/testing'
import { openEventLog } from './postgres-event-log.ts'
import { postgresSequencer } from './postgres-sequencer.ts'

// Three readers of one log under concurrent writers. Two are how logs are often read, and are here as controls: a run in
// which they do no harm would prove nothing about ours.

const seeds = Number(process.env['TAILRACE_STRESS_SEEDS'] ?? 6)
const seedMs = Number(process.env['TAILRACE_STRESS_MS'] ?? 3_000)
const firstSeed = Number(process.env['TAILRACE_STRESS_FIRST_SEED'] ?? 1)

/** What a reader saw, in its order. */
interface Seen {
  readonly stream: string
  readonly version: number
}

interface Verdict {
  readonly seen: number
  readonly lost: number
  readonly twice: number
  readonly swapped: number
}

let log: TestLog

beforeAll(async () => {
  log = await freshLog(20)
})

afterAll(() => log.drop())

/** Polls until `stop`, and then to the end of what it can see. */
async function poll(stop: Promise<void>, next: () => Promise<number>): Promise<void> {
  let stopped = false
  void stop.then(() => (stopped = true))
  for (;;) {
    const last = stopped
    if ((await next()) > 0) continue
    if (last) return
    await pause(2)
  }
}

async function readById(pool: Pool, seen: Seen[], stop: Promise<void>): Promise<void> {
  let after = '0'
  await poll(stop, async () => {
    const { rows } = await pool.query(
      'select id::text, aggregateid as stream, version::int from tailrace.event_log where id > $1 order by id limit 1000',
      [after],
    )
    seen.push(...rows)
    after = rows.at(-1)?.id ?? after
    return rows.length
  })
}

async function readByHorizon(pool: Pool, seen: Seen[], stop: Promise<void>): Promise<void> {
  let after = ['0', '0']
  await poll(stop, async () => {
    const { rows } = await pool.query(
      `select xid::text, id::text, aggregateid as stream, version::int from tailrace.event_log
       where xid < pg_snapshot_xmin(pg_current_snapshot()) and (xid, id) > ($1::xid8, $2::bigint)
       order by xid, id limit 1000`,
      after,
    )
    seen.push(...rows)
    const last = rows.at(-1)
    if (last !== undefined) after = [last.xid, last.id]
    return rows.length
  })
}

/** Through the real loop and the real reader, in one process with them. */
async function readSequenced(pool: Pool, seen: Seen[], stop: Promise<void>): Promise<void> {
  const clock = systemClock()
  const sequencer = startSequencer({ store: postgresSequencer({ pool }), clock })
  const events = await openEventLog({ pool, clock })
  let after = 0n
  // What never comes is for the verdict to say: the reader waits for it a bounded number of polls.
  let patience = 500
  await poll(stop, async () => {
    const page = await events.read({ after, slots: [{ from: 0, to: 255 }], limit: 1_000 })
    for (const [i, { position, stream, version }] of page.events.entries()) {
      // Dense: no position is passed over and none comes twice.
      expect(position).toBe(after + BigInt(i) + 1n)
      seen.push({ stream, version })
    }
    after = page.through
    const head = await events.head()
    const waiting = head.unsequenced > 0 || head.position > after
    patience = page.events.length > 0 ? 500 : patience - 1
    return page.events.length > 0 || (waiting && patience > 0) ? 1 : 0
  })
  await sequencer.stop()
  expect(sequencer.status()).toMatchObject({ failures: 0, fenced: 0, assigned: seen.length })
}

function judge(seen: readonly Seen[], committed: ReadonlyMap<string, number>): Verdict {
  const highest = new Map<string, number>()
  const once = new Set<string>()
  let swapped = 0
  for (const { stream, version } of seen) {
    once.add(`${stream}:${version}`)
    const before = highest.get(stream) ?? 0
    if (version < before) swapped++
    highest.set(stream, Math.max(version, before))
  }
  const events = [...committed.values()].reduce((sum, version) => sum + version, 0)
  return { seen: seen.length, lost: events - once.size, twice: seen.length - once.size, swapped }
}

async function stress(seed: number): Promise<Record<'byId' | 'byHorizon' | 'ours', Verdict>> {
  await log.reset()
  const byId: Seen[] = []
  const byHorizon: Seen[] = []
  const ours: Seen[] = []
  const { promise: stop, resolve: finish } = Promise.withResolvers<void>()
  const readers = Promise.all([
    readById(log.pool, byId, stop),
    readByHorizon(log.pool, byHorizon, stop),
    readSequenced(log.pool, ours, stop),
  ])
  await writeEvents(log.pool, { random: mulberry32(seed), writers: 8, streams: 20, forMs: seedMs })
  finish()
  await readers
  // Versions are counted up in the transactions that append, so each stream holds 1 … n.
  const { rows } = await log.pool.query('select id::text, version from stress_stream')
  const committed = new Map(rows.map((row) => [row.id as string, row.version as number]))
  return {
    byId: judge(byId, committed),
    byHorizon: judge(byHorizon, committed),
    ours: judge(ours, committed),
  }
}

test(
  'under concurrent writers, simpler readers lose or swap events and the sequenced log does neither',
  { timeout: seeds * (seedMs + 15_000) },
  async () => {
    const controls = { events: 0, lostById: 0, swappedByHorizon: 0 }
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const { byId, byHorizon, ours } = await stress(seed)
      expect({ seed, ...ours }).toEqual({ seed, seen: ours.seen, lost: 0, twice: 0, swapped: 0 })
      expect(ours.seen).toBeGreaterThan(0)
      controls.events += ours.seen
      controls.lostById += byId.lost
      controls.swappedByHorizon += byHorizon.swapped
    }
    console.log(`reader stress: ${seeds} seeds from ${firstSeed}`, controls)
    expect(controls.lostById).toBeGreaterThan(0)
    expect(controls.swappedByHorizon).toBeGreaterThan(0)
  },
)
