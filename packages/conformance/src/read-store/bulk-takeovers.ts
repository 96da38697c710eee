import assert from 'node:assert/strict'
import type { DocumentChange, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, put, sample } from './sample.ts'

/**
 * Of two bulk loads of one version, the one under the lower fence is refused; under equal fences the one that began first. A
 * store may also make the second one wait until the first has ended: then the version is not empty any more.
 */
export const bulkTakeoverRequirements: readonly Requirement<ReadStore>[] = [
  takesOver('a bulk load takes over from one under way under the same fence', 3n, 3n),
  takesOver('a bulk load takes over from one under way under a lower fence', 9n, 10n),
  {
    name: 'a bulk load under a lower fence than the one under way is refused, and that one goes on',
    async run(store) {
      const opened = await store.open(sample('kept-load'), history)
      const first = await loadThatStands(opened, 10n)
      const other = await store.open(sample('kept-load'), history)
      const second = settled(other.bulkLoad(one('second'), [move(undefined, 60n, { fence: 9n })]))
      const early = await soon(second)
      if (early !== undefined) await refuses(outcomeOf(early), 'PROJECTION_FENCED')
      first.goOn()
      await first.loading
      await refuses(outcomeOf(await second), 'PROJECTION_FENCED')
      assert.deepEqual(await keysOf(opened), ['early', 'late'])
      assert.equal((await opened.checkpoints()).get(0)?.fence, 10n)
    },
  },
]

function takesOver(name: string, before: bigint, after: bigint): Requirement<ReadStore> {
  return {
    name,
    async run(store) {
      const opened = await store.open(sample('taken-over'), history)
      const first = await loadThatStands(opened, before)
      const other = await store.open(sample('taken-over'), history)
      let begun = false
      async function* pages() {
        begun = true
        yield* one('second')
      }
      const second = settled(other.bulkLoad(pages(), [move(undefined, 60n, { fence: after })]))
      const early = await soon(second)
      // One that is not made to wait takes over, and what is applied after it stays.
      if (begun || early !== undefined) {
        await outcomeOf(await second)
        await other.apply(
          batch(move(60n, 61n, { fence: after }), [put('early', item('early'), 61n)]),
        )
      }
      first.goOn()
      const isFirst = (await settled(first.loading)) === 'loaded'
      if (isFirst) {
        await refuses(outcomeOf(await second), 'PROJECTION_FENCED')
        assert.ok(!begun, 'expected one of two loads that have begun, got both')
      } else {
        await refuses(first.loading, 'PROJECTION_FENCED')
        await outcomeOf(await second)
      }
      const applied = (await opened.checkpoints()).get(0)?.position === 61n
      const wanted = isFirst ? ['early', 'late'] : applied ? ['early', 'second'] : ['second']
      assert.deepEqual(await keysOf(opened), wanted)
      if (applied) assert.equal((await opened.load(['early'])).get('early')?.position, 61n)
      assert.equal((await opened.checkpoints()).get(0)?.fence, isFirst ? before : after)
    },
  }
}

async function* one(key: string): AsyncGenerator<readonly DocumentChange[]> {
  yield [put(key, item(key), 3n)]
}

/** A bulk load that has been asked for its first documents, and gives the next ones when it is told. */
async function loadThatStands(
  opened: ProjectionStore,
  fence: bigint,
): Promise<{ readonly loading: Promise<void>; goOn(): void }> {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  async function* pages() {
    yield* one('early')
    reached.resolve()
    await gate.promise
    yield* one('late')
  }
  const loading = opened.bulkLoad(pages(), [move(undefined, 50n, { fence })])
  loading.catch(reached.reject)
  await reached.promise
  return { loading, goOn: gate.resolve }
}

/** What a load comes to: its error, or that it loaded. */
function settled(loading: Promise<void>): Promise<unknown> {
  return loading.then(
    () => 'loaded',
    (error: unknown) => error,
  )
}

/** Throws the error that a load came to. */
async function outcomeOf(settledTo: unknown): Promise<void> {
  if (settledTo !== 'loaded') throw settledTo
}

/** What a promise comes to; undefined when that takes long: it waits for something. */
async function soon<T>(promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), 2_000)
  const first = await Promise.race([promise, late.promise])
  clearTimeout(timer)
  return first
}

async function keysOf(opened: ProjectionStore): Promise<string[]> {
  const found: string[] = []
  for await (const page of opened.dump()) found.push(...page.map(({ key }) => key))
  return found
}
