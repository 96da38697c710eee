import { isTailraceError, type ReadStore } from 'tailrace/adapter'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { batch, history, item, itemsProjection, put } from '../test/items.ts'
import { startProxy, type Proxy } from '../test/proxy.ts'
import { freshPrefix, raw, removeIndices, searchEngines } from '../test/search-engines.ts'
import { elasticsearch } from './index.ts'

for (const engine of searchEngines) {
  engine.describe(`requests that reach ${engine.name} after others have gone on`, () => {
    const prefix = freshPrefix()
    let proxy: Proxy
    let slow: ReadStore
    let fast: ReadStore
    const today = new Date().toISOString()
    const slices = { sliced: { by: 'at', every: 'day', keepDays: 3 } } as const
    beforeEach(async () => {
      const options = { prefix, slices, timeoutMs: 60_000, refreshIntervalMs: 3_600_000 }
      proxy = await startProxy(engine.url)
      slow = elasticsearch({ ...options, url: proxy.url })
      fast = elasticsearch({ ...options, url: engine.url })
    })
    afterEach(async () => {
      await Promise.all([slow.close(), fast.close()])
      await proxy.close()
    })
    afterAll(() => removeIndices(engine.url, prefix))

    async function* pages(...changes: readonly [string, bigint][]) {
      yield changes.map(([key, at]) => put(key, item(key, { at: today }), at))
    }
    const moves = (to: bigint, fence: bigint) => batch(undefined, to, [], { fence }).moves

    /** Whether all of it was made before another one could take over. */
    async function overtakenAt(name: string, before: number): Promise<string> {
      const def = itemsProjection(name, before + 1)
      const [first, second] = [await slow.open(def, history), await fast.open(def, history)]
      const late = proxy.late(before)
      const older = first.bulkLoad(pages(['gone', 1n]), moves(2n, 1n)).then(
        () => 'made',
        (error: unknown) => (isTailraceError(error) ? error.code : String(error)),
      )
      const held = await Promise.race([late.caught, older])
      if ((await second.checkpoints()).size > 0) {
        late.release()
        return older
      }
      await second.bulkLoad(pages(['x', 3n], ['y', 4n]), moves(5n, 2n))
      await fast.switchTo(name, def.version)
      await second.apply(batch(5n, 6n, [put('z', item('z', { at: today }), 6n)], { fence: 2n }))
      late.release()
      const code = await older
      const keys = ['gone', 'x', 'y', 'z']
      expect([...(await second.load(keys)).keys()], `late: ${held}`).toEqual(['x', 'y', 'z'])
      expect((await second.checkpoints()).get(0)?.position).toBe(6n)
      await second.makeVisible!()
      const { body } = await raw(engine.url, 'GET', `/${prefix}.${name}/_count`)
      expect(body.count, `late: ${held}`).toBe(3)
      return code
    }

    test.each(['single', 'sliced'])(
      'a bulk load that was overtaken changes nothing, whichever of its requests comes late (%s)',
      async (name) => {
        const codes = new Set<string>()
        let before = 0
        for (let code = ''; code !== 'made'; before++)
          codes.add((code = await overtakenAt(name, before)))
        expect(before).toBeGreaterThan(10)
        // Also one whose begin comes late, and finds that the version has been started.
        expect([...codes].toSorted()).toEqual(['PROJECTION_FENCED', 'made'])
      },
      180_000,
    )

    test.each([
      ['while another one is live', 2],
      ['while none is live', undefined],
    ])(
      'a version that is dropped while readers are switched to it is there, or they are not (%s)',
      async (_, live) => {
        const ends = new Set<string>()
        for (let before = 0, over = false; !over; before++) {
          const name = `dropped-${live}-${before}`
          for (const version of [1, 2]) {
            const opened = await fast.open(itemsProjection(name, version), history)
            await opened.apply(batch(undefined, 1n, [put('a', item('a', { at: today }), 1n)]))
          }
          if (live !== undefined) await fast.switchTo(name, live)
          const code = (error: unknown) => (isTailraceError(error) ? error.code : String(error))
          await slow.ping()
          const late = proxy.late(before)
          const dropping = slow.drop(name, 1).then(() => 'dropped', code)
          over = (await Promise.race([late.caught, dropping])) === 'dropped'
          const switching = await fast.switchTo(name, 1).then(() => 'switched', code)
          late.release()
          const end = `${await dropping}, ${switching}`
          ends.add(end)
          const there = (await fast.liveVersion(name)) === 1
          expect(end).toMatch(
            there ? /^CONFIG, switched$/ : /^dropped, (PROJECTION_UNKNOWN|UNAVAILABLE)$/,
          )
          expect(await fast.versions(name), end).toEqual(there ? [1, 2] : [2])
          if (!there) continue
          const opened = await fast.open(itemsProjection(name), history)
          await opened.apply(batch(1n, 2n, [put('b', item('b', { at: today }), 2n)]))
          expect((await opened.load(['a', 'b'])).size).toBe(2)
        }
        expect([...ends]).toContain('CONFIG, switched')
        expect([...ends]).toContain('dropped, PROJECTION_UNKNOWN')
      },
      120_000,
    )

    test.each(['single', 'sliced'])('a bulk load leaves no alias of its own (%s)', async (name) => {
      async function* broken() {
        yield* pages(['left', 1n])
        throw new Error('the source failed')
      }
      const version = 1_000
      const opened = await fast.open(itemsProjection(name, version), history)
      for (const fence of [1n, 2n])
        await expect(opened.bulkLoad(broken(), moves(2n, fence))).rejects.toThrow('failed')
      await opened.bulkLoad(pages(['x', 3n]), moves(5n, 3n))
      expect([...(await opened.load(['left', 'x'])).keys()]).toEqual(['x'])
      const { body } = await raw(
        engine.url,
        'GET',
        `/_cat/aliases/${prefix}.${name}.v${version}.*?format=json&h=alias`,
      )
      const ends = (body as { alias: string }[]).map(({ alias }) => alias.split('.').at(-1))
      expect(new Set(ends)).toEqual(new Set(['write']))
    })
  })
}
