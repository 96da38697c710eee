import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { countAt, countsProjection, history, keys, stepOf, type Count } from '../test/counts.ts'
import { lmdb } from './index.ts'

const mib = 1024 ** 2

let path: string
let store: ReadStore
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'tailrace-lmdb-limits-'))
})
afterEach(async () => {
  await store?.close()
  await rm(path, { recursive: true, force: true })
})

const filling = 'x'.repeat(2_000)

/** Writes a batch of 200 documents of 2 kB. */
async function fill(opened: ProjectionStore, batch: number): Promise<void> {
  const from = batch === 0 ? undefined : BigInt(batch)
  const to = BigInt(batch + 1)
  await opened.apply({
    moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from, to }],
    changes: Array.from({ length: 200 }, (_, i) => ({
      key: `${batch}-${i}`,
      document: { batch, filling },
      position: to,
    })),
    rows: [],
    park: [],
  })
}

/** Fills until the store refuses; gives the batches that it took and the refusal. */
async function fillUp(
  opened: ProjectionStore,
): Promise<{ batches: number; error: Error & { code?: unknown; retryable?: unknown } }> {
  for (let batch = 0; batch < 200; batch++) {
    try {
      await fill(opened, batch)
    } catch (error) {
      return { batches: batch, error: error as Error }
    }
  }
  throw new Error('expected the store to refuse')
}

async function readBatch(opened: ProjectionStore, key: string): Promise<unknown> {
  return (await (opened.reader() as unknown as DocumentReader<{ batch: number }>).get(key))?.batch
}

test.each([{ path: '' }, {}, { path: null }])(
  'a store without a folder is refused: %o',
  (options) => {
    expect(() => lmdb(options as never)).toThrow(
      expect.objectContaining({
        code: 'CONFIG',
        message: expect.stringContaining(
          'expected the path of the LMDB store to be a folder, got ',
        ),
      }),
    )
  },
)

test('a full store refuses writing with its limit and its remedy, goes on reading, and resumes when it may grow', async () => {
  store = lmdb({ path, mapSize: 4 * mib })
  const opened = await store.open(countsProjection, history)
  const { batches, error } = await fillUp(opened)
  expect(batches).toBeGreaterThan(3)
  expect(error).toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
    message: expect.stringMatching(/mapSize of 4194304 bytes, got \d+; raise mapSize/),
  })
  expect((await opened.checkpoints()).get(0)?.position).toBe(BigInt(batches))
  expect(await readBatch(opened, `${batches - 1}-199`)).toBe(batches - 1)
  expect(await readBatch(opened, `${batches}-0`)).toBeUndefined()
  expect((await stat(join(path, 'data.mdb'))).size).toBeLessThan(6 * mib)
  await store.close()

  store = lmdb({ path, mapSize: 64 * mib })
  const grown = await store.open(countsProjection, history)
  await fill(grown, batches)
  expect((await grown.checkpoints()).get(0)?.position).toBe(BigInt(batches + 1))
})

test('dropping an old version makes room', async () => {
  store = lmdb({ path, mapSize: 4 * mib })
  const old = await store.open(countsProjection, history)
  await fillUp(old)
  const next = await store.open({ ...countsProjection, version: 2 }, history)
  await expect(fill(next, 0)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await store.drop('counts', 1)
  await fill(next, 0)
  expect(await readBatch(next, '0-199')).toBe(0)
})

test('a store in which many versions came and went can be full, and is written to when there is room', async () => {
  const perLife = 100
  for (let last = perLife; last <= 3 * perLife; last += perLife) {
    store = lmdb({ path })
    for (let version = last - perLife + 1; version <= last; version++) {
      await store.open({ ...countsProjection, version }, history)
      await store.drop('counts', version)
    }
    await store.close()
  }
  store = lmdb({ path, mapSize: 4 * mib })
  const old = await store.open(countsProjection, history)
  const { error } = await fillUp(old)
  expect(error.message).toMatch(/mapSize of 4194304 bytes, got \d+/)
  const next = await store.open({ ...countsProjection, version: 301 }, history)
  await store.drop('counts', 1)
  await fill(next, 0)
  expect(await readBatch(next, '0-199')).toBe(0)
})

test('a full disk refuses writing again and again without harm, and the store goes on when there is room', async () => {
  const script = new URL('../test/full-disk-writer.ts', import.meta.url).pathname
  // The limit of file sizes stands for a full disk: the system refuses the same writes.
  const limited = 'ulimit -f 4096 && exec "$0" --conditions=source "$@"'
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    limited,
    process.execPath,
    script,
    path,
  ])
  const told = JSON.parse(stdout) as { refusals: string[]; position: string }
  expect(told.refusals).toEqual(['UNAVAILABLE true', 'UNAVAILABLE true', 'UNAVAILABLE true'])
  store = lmdb({ path })
  const opened = await store.open(countsProjection, history)
  const position = (await opened.checkpoints()).get(0)!.position
  expect(position).toBe(BigInt(told.position))
  const reader = opened.reader() as unknown as DocumentReader<Count>
  for (let key = 0n; key < keys; key++)
    expect(await reader.get(String(key))).toEqual(countAt(key, position))
  await opened.apply(await stepOf(opened, position, 40n))
  expect(await reader.get('1')).toEqual(countAt(1n, position + 40n))
}, 60_000)

test('a limit that is no number of bytes is refused', () => {
  expect(() => lmdb({ path, mapSize: 5 })).toThrow(/expected mapSize .* got 5/)
})

test('what cannot be stored is refused by key, and nothing of its batch is written', async () => {
  store = lmdb({ path })
  const opened = await store.open(countsProjection, history)
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const bad: readonly (readonly [string, unknown])[] = [
    ['circular', circular],
    ['bigint', { value: 1n }],
    ['undefined', undefined],
    ['k'.repeat(2_000), {}],
    ['half \ud800', {}],
  ]
  for (const [key, document] of bad) {
    const applying = opened.apply({
      moves: [{ range: 0, slots: { from: 0, to: 255 }, fence: 1n, from: undefined, to: 1n }],
      changes: [
        { key: 'good', document: {}, position: 1n },
        { key, document, position: 1n },
      ],
      rows: [],
      park: [],
    })
    await expect(applying).rejects.toMatchObject({ code: 'DOCUMENT_UNSTORABLE', details: { key } })
  }
  expect((await opened.load(['good'])).size).toBe(0)
  expect((await opened.checkpoints()).size).toBe(0)
})

test('two stores of one folder in a process are one file, and each closes for itself', async () => {
  store = lmdb({ path })
  const other = lmdb({ path })
  const opened = await store.open(countsProjection, history)
  const also = await other.open(countsProjection, history)
  await fill(opened, 0)
  expect((await also.checkpoints()).get(0)?.position).toBe(1n)
  await other.close()
  await expect(also.checkpoints()).rejects.toMatchObject({ code: 'ADAPTER_CLOSED' })
  await fill(opened, 1)
  expect((await opened.checkpoints()).get(0)?.position).toBe(2n)
})

test('projections of other shapes are refused when they are opened', async () => {
  store = lmdb({ path })
  await expect(store.open({ ...countsProjection, shape: 'sql' }, history)).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.stringContaining('bind it to PostgreSQL'),
  })
})
