import { expect, test } from 'vitest'
import { readRig } from '../../test/read-rig.ts'
import { slotRanges } from '../log/slot.ts'
import type { RunnerStatus } from '../project/projection-runner.ts'
import type { CommandRecord } from '../ports/write-store.ts'

function record(over: Partial<CommandRecord> = {}): CommandRecord {
  return {
    commandId: 'c1',
    name: 'spare',
    fingerprint: '',
    state: 'committed',
    aggregateId: 'a',
    version: 1,
    rejection: undefined,
    xid: '7',
    slots: [5],
    at: '2026-01-01T00:00:00.000Z',
    ...over,
  }
}

const working: RunnerStatus = {
  projection: 'notes',
  version: 1,
  state: 'live',
  ranges: [0],
  position: 0n,
  parkedKeys: 0,
  waiting: undefined,
  lastError: undefined,
}

test('a command is pending until its projection shows it, then applied', async () => {
  const rig = await readRig()
  rig.log.xids.set('7', 'pending')
  expect(await rig.read.commandStatus(record())).toMatchObject({
    state: 'committed',
    projections: { notes: 'pending' },
  })
  rig.log.record(4)
  rig.log.xids.set('7', 4n)
  await rig.pass(1_100)
  expect(await rig.read.commandStatus(record())).toMatchObject({
    position: '4',
    projections: { notes: 'pending' },
  })
  rig.store.move(4n, [0])
  await rig.pass(300)
  expect(await rig.read.commandStatus(record())).toMatchObject({
    projections: { notes: 'applied' },
  })
  expect(await rig.read.commandStatus(record({ slots: [5, 200] }))).toMatchObject({
    projections: { notes: 'pending' },
  })
  await rig.read.close()
})

test('a command whose events do not concern a projection is not relevant to it', async () => {
  const rig = await readRig()
  rig.log.xids.set('7', 4n)
  rig.log.xids.set('8', 0n)
  expect(await rig.read.commandStatus(record({ name: 'elsewhere' }))).toMatchObject({
    projections: { notes: 'not-relevant' },
  })
  expect(await rig.read.commandStatus(record({ xid: '8' }))).toMatchObject({
    projections: { notes: 'not-relevant' },
  })
  await rig.read.close()
})

test('a command that a projection put aside is parked', async () => {
  const rig = await readRig()
  rig.log.record(4)
  rig.store.move(4n)
  rig.log.xids.set('7', 4n)
  const failure = { eventId: 'c1/0', type: 'Noted', error: 'x', attempts: 1 }
  rig.store.parked = [{ key: 'elsewhere', firstPosition: 4n, events: 1, failure, sinceMs: 0 }]
  await rig.pass(1_100)
  expect(await rig.read.commandStatus(record())).toMatchObject({ projections: { notes: 'parked' } })
  expect(await rig.read.commandStatus(record({ commandId: 'c2' }))).toMatchObject({
    projections: { notes: 'applied' },
  })
  rig.store.parked = [
    {
      key: 'a',
      firstPosition: 2n,
      events: 2,
      failure: { ...failure, eventId: 'c0/0' },
      sinceMs: 0,
    },
  ]
  expect(await rig.read.commandStatus(record({ commandId: 'c2' }))).toMatchObject({
    projections: { notes: 'parked' },
  })
  await rig.read.close()
})

test('a command behind a version that is being replaced waits for the rebuild', async () => {
  const rig = await readRig({ declaredVersion: 2 })
  rig.log.record(4)
  rig.log.xids.set('7', 4n)
  await rig.pass(1_100)
  expect(await rig.read.commandStatus(record())).toMatchObject({
    projections: { notes: 'rebuilding' },
  })
  await rig.read.close()
})

test('rejected, running and failed commands have their state only', async () => {
  const rig = await readRig()
  const rejection = { code: 'NO', kind: 'rule', detail: { why: 1 } } as const
  expect(
    await rig.read.commandStatus(record({ state: 'rejected', rejection, version: 0 })),
  ).toMatchObject({ state: 'rejected', rejection: { code: 'NO', detail: { why: 1 } } })
  expect(
    await rig.read.commandStatus({
      commandId: 'c',
      name: 'spare',
      aggregateId: 'a',
      state: 'accepted',
    }),
  ).toMatchObject({ state: 'accepted' })
  await rig.read.close()
})

test('metrics say lag, state and what callers saw, in the Prometheus format', async () => {
  let workers: readonly RunnerStatus[] = []
  const rig = await readRig({ workers: () => workers })
  rig.log.record(2)
  await rig.pass(1_200)
  await rig.read.query('note', { id: 'a' })
  const moves = slotRanges(4).map((slots, range) => ({ range, slots, fence: 1n, from: 0n, to: 2n }))
  const at = new Date(rig.clock.now() - 1_200).toISOString()
  rig.read.applied('notes', 1, moves, [at, at])
  const text = rig.read.metricsText()
  expect(text).toContain(
    '# TYPE cqrs_projection_lag_seconds gauge\ncqrs_projection_lag_seconds{projection="notes"} 0\n',
  )
  expect(text).toContain('cqrs_projection_status{projection="notes",status="live"} 1\n')
  expect(text).toContain('cqrs_projection_status{projection="notes",status="failed"} 0\n')
  expect(text).toContain('cqrs_projection_position{projection="notes"} 2\n')
  expect(text).toContain('cqrs_commit_to_visible_seconds_bucket{projection="notes",le="1"} 0\n')
  expect(text).toContain('cqrs_commit_to_visible_seconds_bucket{projection="notes",le="2.5"} 2\n')
  expect(text).toContain('cqrs_commit_to_visible_seconds_count{projection="notes"} 2\n')
  expect(text).toContain('cqrs_projection_events_total{projection="notes",result="applied"} 2\n')
  expect(text).toContain('cqrs_query_staleness_seconds_count 1\n')
  // The status and the metrics say the same of a projection whose worker cannot go on.
  workers = [{ ...working, state: 'failed', waiting: 'an event is from newer code' }]
  expect((await rig.read.status()).projections['notes']?.state).toBe('failed')
  const failing = rig.read.metricsText()
  expect(failing).toContain('cqrs_projection_status{projection="notes",status="failed"} 1\n')
  expect(failing).toContain('cqrs_projection_status{projection="notes",status="live"} 0\n')
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1])
  expect(new Set(names).size).toBe(names.length)
  await rig.read.close()
})

test('what a store shows later is measured when it shows it, once', async () => {
  const rig = await readRig()
  rig.store.shows = { asked: 0 }
  const count = (): string | undefined =>
    /^cqrs_commit_to_visible_seconds_count\S* (\d+)$/m.exec(rig.read.metricsText())?.[1]
  const moves = slotRanges(4).map((slots, range) => ({ range, slots, fence: 1n, from: 0n, to: 2n }))
  rig.store.move(rig.log.record(2))
  rig.read.applied('notes', 1, moves, [new Date(rig.clock.now()).toISOString()])
  await rig.pass(3_000)
  expect(count()).toBeUndefined()
  expect(rig.read.metricsText()).toContain(
    'cqrs_projection_events_total{projection="notes",result="applied"} 1\n',
  )
  const opened = await rig.store.open(rig.app.projections.get('notes')!)
  await opened.makeVisible!()
  await rig.pass(500)
  expect(count()).toBe('1')
  const text = rig.read.metricsText()
  expect(text).toContain('cqrs_commit_to_visible_seconds_bucket{projection="notes",le="2.5"} 0\n')
  expect(text).toContain('cqrs_commit_to_visible_seconds_bucket{projection="notes",le="5"} 1\n')
  rig.store.move(rig.log.record(1))
  await opened.makeVisible!()
  await rig.pass(500)
  expect(count()).toBe('1')
  await rig.read.close()
})

test('the status names the sequencer, and what a worker of this process is stuck on', async () => {
  const worker = {
    projection: 'notes',
    version: 1,
    state: 'failed' as const,
    ranges: [],
    position: undefined,
    parkedKeys: 0,
    waiting: 'diverged',
    lastError: 'diverged',
  }
  const rig = await readRig({ workers: () => [worker] })
  await rig.pass(1_100)
  const status = await rig.read.status()
  expect(status.head.sequencer).toBe('active')
  expect(status.projections['notes']).toMatchObject({
    state: 'failed',
    lastError: 'diverged',
    store: 'manual',
    sloMs: 500,
  })
  await rig.read.close()
})
