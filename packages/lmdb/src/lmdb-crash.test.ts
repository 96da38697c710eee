import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { mulberry32 } from 'tailrace/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  countAt,
  countsProjection,
  history,
  keys,
  parkedAt,
  stepOf,
  type Count,
} from '../test/counts.ts'
import { lmdb } from './index.ts'

const script = new URL('../test/crash-writer.ts', import.meta.url).pathname
const holdScript = new URL('../test/hold-snapshot.ts', import.meta.url).pathname

let path: string
let store: ReadStore
let writers: ChildProcess[]
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'tailrace-lmdb-crash-'))
  store = lmdb({ path })
  writers = []
})
afterEach(async () => {
  for (const writer of writers) writer.kill('SIGKILL')
  await store.close()
  await rm(path, { recursive: true, force: true })
})

interface Writer {
  readonly child: ChildProcess
  /** Resolves once so many more batches are committed. */
  committed(batches: number): Promise<void>
  readonly last: () => bigint
}

function startWriter(batch: number): Writer {
  const child = spawn(process.execPath, ['--conditions=source', script, path, String(batch)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  writers.push(child)
  let last = 0n
  let lines = 0
  let wake: () => void = () => undefined
  createInterface({ input: child.stdout! }).on('line', (line) => {
    last = BigInt(line)
    lines++
    wake()
  })
  return {
    child,
    last: () => last,
    async committed(batches) {
      const until = lines + batches
      while (lines < until) await new Promise<void>((resolve) => (wake = resolve))
    },
  }
}

/** Asserts that documents and parked keys are those of the position of the checkpoint, and gives it. */
async function assertWhole(opened: ProjectionStore): Promise<bigint> {
  const snapshot = await opened.snapshot!()
  try {
    const position = snapshot.checkpoints.get(0)?.position ?? 0n
    const reader = snapshot.reader as unknown as DocumentReader<Count>
    for (let key = 0n; key < keys; key++)
      expect(await reader.get(String(key)), `document ${key} at ${position}`).toEqual(
        countAt(key, position),
      )
    return position
  } finally {
    snapshot.release()
  }
}

test('a writer killed at any point leaves documents, parked keys and checkpoint of one position', async () => {
  const random = mulberry32(7)
  let before = 0n
  for (let round = 0; round < 8; round++) {
    const writer = startWriter(1 + Math.floor(random() * 300))
    await writer.committed(1 + Math.floor(random() * 20))
    writer.child.kill('SIGKILL')
    await once(writer.child, 'close')
    const opened = await store.open(countsProjection, history)
    const position = await assertWhole(opened)
    expect(await opened.parkedPositions('bad')).toEqual(parkedAt(position))
    expect(position).toBeGreaterThanOrEqual(writer.last())
    expect(position).toBeGreaterThan(before)
    before = position
  }
}, 120_000)

test('another process reads while one writes, always one state', async () => {
  const writer = startWriter(50)
  await writer.committed(1)
  const opened = await store.open(countsProjection, history)
  const seen = new Set<bigint>()
  // As many states as make the test worth something, however seldom the writer gets to run.
  for (let i = 0; i < 200 || seen.size < 10; i++) {
    seen.add(await assertWhole(opened))
    if (i % 20 === 0) await writer.committed(1)
  }
  const acknowledged = writer.last()
  expect(await assertWhole(opened)).toBeGreaterThanOrEqual(acknowledged)
}, 60_000)

test('the slot of a reader that was killed is freed, so that its pages are used again', async () => {
  const opened = await store.open(countsProjection, history)
  const write = async (batches: number): Promise<number> => {
    for (let i = 0; i < batches; i++)
      await opened.apply(await stepOf(opened, (await opened.checkpoints()).get(0)?.position, 40n))
    return (await stat(join(path, 'data.mdb'))).size
  }
  await write(20)
  const holder = spawn(process.execPath, ['--conditions=source', holdScript, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  writers.push(holder)
  await once(createInterface({ input: holder.stdout! }), 'line')
  const before = await write(1)
  const pinned = await write(150)
  expect(pinned - before).toBeGreaterThan(1_000_000)
  holder.kill('SIGKILL')
  await once(holder, 'close')
  await store.close()
  store = lmdb({ path })
  const again = await store.open(countsProjection, history)
  for (let i = 0; i < 150; i++)
    await again.apply(await stepOf(again, (await again.checkpoints()).get(0)?.position, 40n))
  const after = (await stat(join(path, 'data.mdb'))).size
  expect(after - pinned).toBeLessThan(300_000)
  await assertWhole(again)
}, 60_000)
