import type { ProjectionWorker, ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { until } from '../../../test/support/worker-rig.ts'
import { history, itemsProjection } from '../test/items.ts'
import { startProxy, type Proxy } from '../test/proxy.ts'
import { freshPrefix, opensearchEngine, raw, removeIndices } from '../test/search-engines.ts'
import { searchRig, statusOf, type SearchRig } from '../test/worker-on-search.ts'
import { elasticsearch, type ElasticsearchOptions } from './index.ts'

const prefix = freshPrefix()
let log: SearchRig
let workers: ProjectionWorker[] = []
let stores: ReadStore[] = []
let proxy: Proxy | undefined

function storeAt(url: string, over: Partial<ElasticsearchOptions> = {}): ReadStore {
  const store = elasticsearch({ url, prefix, timeoutMs: 2_000, ...over })
  stores.push(store)
  return store
}

function work(store: ReadStore, name: string): ProjectionWorker {
  const worker = log.start(store, name)
  workers.push(worker)
  return worker
}

/** The worker says what it waits for. */
function waits(worker: ProjectionWorker, why: RegExp): Promise<unknown> {
  return until(() => why.test(statusOf(worker).waiting ?? ''), `to wait, saying ${why}`, 30_000)
}

beforeAll(async () => {
  log = await searchRig()
})
afterAll(() => log?.drop())
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  await Promise.all(stores.splice(0).map((store) => store.close()))
  await proxy?.close()
  proxy = undefined
  if (opensearchEngine.missing === undefined) await removeIndices(opensearchEngine.url, prefix)
})

opensearchEngine.describe('a worker whose search engine has trouble', () => {
  const { url } = opensearchEngine.missing === undefined ? opensearchEngine : { url: '' }

  test('waits while an index takes no writes because the disk is full, and goes on when it does', async () => {
    const store = storeAt(url)
    const worker = work(store, 'flood')
    await log.exact(worker, store, 'flood', await log.happen(200))
    const block = (on: true | null) =>
      raw(url, 'PUT', `/${prefix}.flood.v1*/_settings`, {
        index: { blocks: { read_only_allow_delete: on } },
      })
    await block(true)
    const head = await log.happen(200)
    await waits(worker, /full disk/)
    expect(statusOf(worker).state).not.toBe('failed')
    await block(null)
    await log.exact(worker, store, 'flood', head)
  })

  test('goes on with an engine that is slow, and loses nothing to one that answers too late', async () => {
    proxy = await startProxy(url)
    const store = storeAt(proxy.url, { timeoutMs: 500 })
    const worker = work(store, 'slow')
    await log.exact(worker, store, 'slow', await log.happen(100))
    proxy.delayMs = 60
    await log.exact(worker, store, 'slow', await log.happen(100))
    proxy.delayMs = 700
    const head = await log.happen(100)
    await waits(worker, /none within 500 ms/)
    proxy.delayMs = 0
    await log.exact(worker, store, 'slow', head)
  })

  test('says that its credentials are refused, and goes on by itself when they are taken', async () => {
    proxy = await startProxy(url)
    proxy.demands = 'worker:secret'
    const store = storeAt(proxy.url, { auth: { username: 'worker', password: 'secret' } })
    const worker = work(store, 'auth')
    await log.exact(worker, store, 'auth', await log.happen(100))
    proxy.demands = 'worker:changed'
    const head = await log.happen(100)
    await waits(worker, /credentials/)
    expect(statusOf(worker).waiting).not.toContain('secret')
    proxy.demands = 'worker:secret'
    await log.exact(worker, store, 'auth', head)
  })

  test('takes the name and the password from the URL, and says neither', async () => {
    proxy = await startProxy(url)
    proxy.demands = 'worker:s3cret/x'
    const own = proxy.url.replace('://', '://worker:s3cret%2Fx@')
    await storeAt(own).ping()
    proxy.demands = 'other:x'
    const refused = await storeAt(own)
      .ping()
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'CONFIG' })
    expect(String(refused)).not.toMatch(/s3cret/)
  })

  test.each([
    ['another product', '<html>nothing here</html>', /got something else/],
    ['another service', '{"status":"ok"}', /got something else/],
    [
      'an engine that is too old',
      '{"version":{"number":"7.17.9"},"tagline":"You Know, for Search"}',
      /got Elasticsearch 7.17.9/,
    ],
  ])('refuses %s at the start', async (_, body, message) => {
    proxy = await startProxy(url)
    proxy.answers = { status: 200, body }
    const opening = storeAt(proxy.url).open(itemsProjection('strange'), history)
    await expect(opening).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(message),
    })
    proxy.answers = undefined
  })
})

opensearchEngine.describeFaults('a worker whose search engine fails', () => {
  test('loses nothing when the engine is killed again and again under load', async () => {
    const store = storeAt(opensearchEngine.url)
    const worker = work(store, 'killed')
    let head = 0n
    for (let round = 0; round < 3; round++) {
      head = await log.happen(600)
      worker.wake()
      const before = statusOf(worker).position ?? 0n
      await until(() => (statusOf(worker).position ?? 0n) > before, 'work under way', 30_000)
      await opensearchEngine.kill()
      head = await log.happen(100)
      await waits(worker, /search engine/)
      await opensearchEngine.start()
    }
    await log.exact(worker, store, 'killed', head)
  }, 240_000)

  test('is there again after the engine was stopped in order', async () => {
    const store = storeAt(opensearchEngine.url)
    const worker = work(store, 'stopped')
    await log.exact(worker, store, 'stopped', await log.happen(100))
    await opensearchEngine.stop()
    const head = await log.happen(100)
    await waits(worker, /search engine/)
    await opensearchEngine.start()
    await log.exact(worker, store, 'stopped', head)
  }, 120_000)

  test('waits for an engine that is frozen, within its bounds', async () => {
    const store = storeAt(opensearchEngine.url, { timeoutMs: 1_000 })
    const worker = work(store, 'frozen')
    await log.exact(worker, store, 'frozen', await log.happen(100))
    opensearchEngine.pause()
    try {
      await log.happen(100)
      await waits(worker, /none within 1000 ms/)
    } finally {
      opensearchEngine.resume()
    }
    await log.exact(worker, store, 'frozen', await log.happen(10))
  }, 120_000)
})
