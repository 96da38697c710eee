import { randomBytes } from 'node:crypto'
import { dropAbandoned, openReadable, rollBack, type ProjectionWorker } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../../test/support/worker-rig.ts'
import { freshPrefix, raw, removeIndices, searchEngines } from '../test/search-engines.ts'
import { searchRig, statusOf, sums, type SearchRig } from '../test/worker-on-search.ts'
import { elasticsearch } from './index.ts'

for (const engine of searchEngines) {
  engine.describe(`a new version beside the live one on ${engine.name}`, () => {
    const prefix = freshPrefix()
    let log: SearchRig
    beforeAll(async () => {
      log = await searchRig()
    })
    afterAll(async () => {
      await log?.drop()
      await removeIndices(engine.url, prefix)
    })

    test('it is built, catches up under load, is verified and switched to; a rollback is one step', async () => {
      const store = elasticsearch({ url: engine.url, prefix })
      const name = `rebuilt-${randomBytes(2).toString('hex')}`
      const history = `${log.rig.log.identity.systemId}/${log.rig.log.identity.epoch}`
      const running: ProjectionWorker[] = []
      let loading = true
      try {
        await log.happen(3_000)
        const build = { fromEvents: 1_000 }
        const old = log.start(store, name, 1, { owner: 'old', build })
        running.push(old)
        await until(async () => (await store.liveVersion(name)) === 1, 'version 1', 60_000)
        const load = (async () => {
          while (loading) {
            const at = await log.happen(40)
            for (const worker of running) worker.wake()
            // As fast as the version that is live can follow.
            await until(() => (statusOf(old).position ?? 0n) >= at, `position ${at}`, 60_000)
          }
        })()
        const next = log.start(store, name, 2, { owner: 'new', build })
        running.push(next)
        await until(async () => (await store.liveVersion(name)) === 2, 'version 2', 60_000)
        loading = false
        await load
        const head = await log.happen(40)
        await log.exact(old, store, name, head)
        next.wake()
        await until(() => (statusOf(next).position ?? 0n) >= head, `position ${head}`, 60_000)
        expect(await store.versions(name)).toEqual([1, 2])
        const dumps = await Promise.all(
          [1, 2].map(async (version) => {
            const opened = await store.open(sums(name, version), history)
            const all: unknown[] = []
            for await (const page of opened.dump()) all.push(...page)
            return all
          }),
        )
        expect(dumps[0]!.length).toBeGreaterThan(10)
        expect(dumps[1]).toEqual(dumps[0])
        await rollBack(store, name, 1)
        expect((await openReadable(sums(name, 2), store, history)).version).toBe(1)
        await rollBack(store, name, 2)
        await old.stop()
        expect(await dropAbandoned(store, name, [])).toEqual([1])
        expect(await store.versions(name)).toEqual([2])
        const { body } = await raw(engine.url, 'GET', `/_alias/${prefix}.${name}`)
        expect(Object.keys(body)).toEqual([`${prefix}.${name}.v2`])
      } finally {
        loading = false
        await Promise.all(running.map((worker) => worker.stop()))
        await store.close()
      }
    }, 180_000)
  })
}
