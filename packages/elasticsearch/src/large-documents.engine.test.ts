import { event, projection } from 'tailrace'
import { startProjectionWorker, type ReadStore } from 'tailrace/adapter'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { until, workerRig } from '../../../test/support/worker-rig.ts'
import { batch, history, item, itemsProjection, put } from '../test/items.ts'
import { startProxy } from '../test/proxy.ts'
import { freshPrefix, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch, type ElasticsearchOptions } from './index.ts'

const mebibyte = 1024 ** 2
const Grew = event('Grew', z.object({ mebibytes: z.int() }))
const Sizes = projection('sizes', {
  version: 1,
  from: [Grew],
  document: z.object({ text: z.string() }),
  key: (e) => e.stream,
  on: { Grew: (e) => ({ text: 'x'.repeat(e.data.mebibytes * mebibyte + 1) }) },
})

for (const engine of searchEngines) {
  engine.describe(`documents that are too large for ${engine.name}`, () => {
    const prefix = freshPrefix()
    const opened: ReadStore[] = []
    const store = (over: Partial<ElasticsearchOptions> = {}) => {
      const one = elasticsearch({ url: engine.url, prefix, ...over })
      opened.push(one)
      return one
    }
    afterAll(async () => {
      await Promise.all(opened.map((one) => one.close()))
      await removeIndices(engine.url, prefix)
    })

    test('one that the heap of the engine will never take is parked, and the keys beside it go on', async () => {
      const rig = await workerRig()
      const sizes = [0, 60, 0]
      const head = await rig.record(
        ...sizes.map((mebibytes, i) => ({ stream: `s${i}`, type: 'Grew', payload: { mebibytes } })),
      )
      const { log, leases, clock } = rig
      const read = store()
      const worker = startProjectionWorker({
        projections: [{ projection: Sizes, store: read }],
        log,
        leases,
        clock,
      })
      try {
        await until(() => (worker.status()[0]!.position ?? 0n) >= head, 'all applied', 60_000)
        const version = await read.open(Sizes, `${log.identity.systemId}/${log.identity.epoch}`)
        const parked = await version.parked()
        expect(parked.map(({ key }) => key)).toEqual(['s1'])
        expect(parked[0]!.failure.error).toMatch(/\d{8} bytes.*heap.*retry the key/)
        expect([...(await version.load(['s0', 's1', 's2'])).keys()]).toEqual(['s0', 's2'])
      } finally {
        await worker.stop()
        await rig.drop()
      }
    }, 120_000)

    test('several that are too much at once are written in parts', async () => {
      const version = await store({ bulkBytes: 80 * mebibyte }).open(
        itemsProjection('parts'),
        history,
      )
      const keys = Array.from({ length: 18 }, (_, i) => `k${i}`)
      const large = 'x'.repeat(3 * mebibyte + 500_000)
      const changes = keys.map((key) => put(key, { ...item(key), large }, 1n))
      await version.apply(batch(undefined, 1n, changes))
      expect([...(await version.load(keys)).keys()]).toEqual(keys)
    }, 120_000)

    test('one that could not be read again is refused before it is written', async () => {
      const version = await store({ answerBytes: mebibyte }).open(itemsProjection('large'), history)
      const sized = (bytes: number) => ({ ...item('a'), large: 'x'.repeat(bytes) })
      const almost = put('almost', sized(mebibyte - 20_000), 1n)
      await version.apply(batch(undefined, 1n, [almost]))
      expect((await version.load(['almost'])).get('almost')?.document).toEqual(almost.document)
      await expect(
        version.apply(batch(1n, 2n, [put('over', sized(mebibyte), 2n)])),
      ).rejects.toMatchObject({ code: 'DOCUMENT_UNSTORABLE', details: { key: 'over' } })
    })

    test('an engine that others keep busy is waited for, but not for one document that takes much of its heap', async () => {
      const proxy = await startProxy(engine.url)
      try {
        const version = await store({ url: proxy.url }).open(itemsProjection('breaker'), history)
        await version.apply(batch(undefined, 1n, [put('a', item('a'), 1n)]))
        const refusal = (added: number) => ({
          status: 429,
          body: JSON.stringify({
            error: {
              type: 'circuit_breaking_exception',
              reason: `[parent] Data too large, data for [<http_request>] would be [551644472/526mb], which is larger than the limit of [510027366/486.3mb], real usage: [500000000/426mb], new bytes reserved: [${added}/1mb], usages [request=0/0b]`,
            },
            status: 429,
          }),
        })
        proxy.answers = refusal(1_000_000)
        const write = () => version.apply(batch(1n, 2n, [put('a', item('b'), 2n)]))
        await expect(write()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
        // What the checkpoints are is asked for anew after an error.
        proxy.answers = undefined
        await version.load(['a'])
        proxy.answers = refusal(100_000_000)
        await expect(write()).rejects.toMatchObject({
          code: 'DOCUMENT_UNSTORABLE',
          details: { key: 'a' },
        })
        proxy.answers = undefined
        await write()
      } finally {
        await proxy.close()
      }
    }, 60_000)
  })
}
