import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { event, projection, sqlProjection } from '../index.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'
import { until, workerRig, type WorkerRig } from '../../../../test/support/worker-rig.ts'
import { historyText } from './inspect-version.ts'
import { startProjectionWorker } from './projection-worker.ts'
import { editAndRetryParked, retryParked, skipParked } from './settle-parked.ts'

const Happened = event('Happened', z.object({ n: z.int() }))

let rig: WorkerRig
beforeAll(async () => {
  rig = await workerRig()
})
afterAll(() => rig.drop())

/** Negative numbers fail while the handlers are broken. */
const defect = { on: true }

function numbers(name: string) {
  return projection(name, {
    version: 1,
    from: [Happened],
    document: z.object({ list: z.array(z.int()) }),
    key: (e) => {
      if (e.data.n === -99 && defect.on) throw new Error('no key')
      return `doc-${e.stream}`
    },
    on: {
      Happened: (e, doc) => {
        if (e.data.n < 0 && defect.on) throw new Error(`cannot take ${e.data.n}`)
        return { list: [...(doc?.list ?? []), e.data.n] }
      },
    },
  })
}

async function happen(stream: string, ...list: number[]): Promise<bigint> {
  return rig.record(...list.map((n, i) => ({ stream, version: i + 1, payload: { n } })))
}

/** Runs a worker until the projection has passed `position`, then goes on with it. */
async function working(
  def: AnyProjectionDef,
  body: (reach: (position: bigint) => Promise<void>) => Promise<void>,
): Promise<void> {
  const { log, leases, clock, store } = rig
  const worker = startProjectionWorker({
    projections: [{ projection: def, store }],
    log,
    leases,
    clock,
  })
  try {
    await body(async (position) => {
      const opened = await store.open(def, historyText(log.identity))
      await until(async () => {
        const found = [...(await opened.checkpoints()).values()]
        return found.length > 0 && found.every((one) => one.position >= position)
      }, `${def.name} to reach ${position}`)
    })
  } finally {
    await worker.stop()
  }
}

test('a retry handles the parked events in order, and later ones follow', async () => {
  const def = numbers('retried')
  await working(def, async (reach) => {
    defect.on = true
    await reach(await happen('r', 1, -2, 3))
    const store = await rig.store.open(def, historyText(rig.log.identity))
    const options = { projection: def, store, log: rig.log, key: 'doc-r' }
    expect(await retryParked(options)).toMatchObject({
      handled: 0,
      remaining: 2,
      failure: { error: 'Error: cannot take -2', attempts: 6 },
    })
    defect.on = false
    expect(await retryParked(options)).toEqual({
      handled: 2,
      skipped: 0,
      remaining: 0,
      failure: undefined,
    })
    await reach(await happen('r', 4))
    expect((await store.load(['doc-r'])).get('doc-r')?.document).toEqual({ list: [1, -2, 3, 4] })
    expect(await store.parked()).toEqual([])
  })
})

test('an edit changes what is handled, not the log; a skip leaves the event out', async () => {
  const def = numbers('edited')
  await working(def, async (reach) => {
    defect.on = true
    await reach(await happen('e', 1, -2, 3, -4, 5))
    const store = await rig.store.open(def, historyText(rig.log.identity))
    const options = { projection: def, store, log: rig.log, key: 'doc-e' }
    expect(
      await editAndRetryParked(options, (data) => ({ n: -(data as { n: number }).n })),
    ).toMatchObject({ handled: 2, remaining: 2, failure: { error: 'Error: cannot take -4' } })
    expect(await skipParked(options)).toEqual({
      handled: 1,
      skipped: 1,
      remaining: 0,
      failure: undefined,
    })
    expect((await store.load(['doc-e'])).get('doc-e')?.document).toEqual({ list: [1, 2, 3, 5] })
  })
})

test('a stream whose documents cannot be told waits as a whole', async () => {
  const def = numbers('keyless')
  await working(def, async (reach) => {
    defect.on = true
    await reach(await happen('k', 1, -99, 3))
    const store = await rig.store.open(def, historyText(rig.log.identity))
    expect(await store.parked(['@stream:k'])).toMatchObject([
      { key: '@stream:k', events: 2, failure: { error: 'Error: no key' } },
    ])
    defect.on = false
    expect(
      await retryParked({ projection: def, store, log: rig.log, key: '@stream:k' }),
    ).toMatchObject({ handled: 2, remaining: 0 })
    expect((await store.load(['doc-k'])).get('doc-k')?.document).toEqual({ list: [1, -99, 3] })
  })
})

test('events of a sql projection are settled one by one, each in one transaction', async () => {
  const def = sqlProjection('settled-sql', {
    version: 1,
    from: [Happened],
    tables: { number: 'stream text, n bigint' },
    on: {
      Happened: async (e, tx) => {
        await tx.query('insert into $number values ($1, $2)', [e.stream, e.data.n])
        if (e.data.n < 0 && defect.on) throw new Error(`cannot take ${e.data.n}`)
      },
    },
  })
  await working(def, async (reach) => {
    defect.on = true
    await reach(await happen('q', -1, 2))
    const store = await rig.store.open(def, historyText(rig.log.identity))
    const options = { projection: def, store, log: rig.log, key: 'q' }
    expect(await retryParked(options)).toMatchObject({
      handled: 0,
      remaining: 2,
      failure: { attempts: 3 },
    })
    expect(await skipParked(options)).toEqual({
      handled: 1,
      skipped: 1,
      remaining: 0,
      failure: undefined,
    })
    const reader = store.reader() as unknown as { query(sql: string): Promise<unknown[]> }
    expect(await reader.query("select stream, n from $number where stream = 'q'")).toEqual([
      { stream: 'q', n: '2' },
    ])
  })
})
