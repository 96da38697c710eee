import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckpointMove, DocumentChange } from 'tailrace/adapter'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bulkLoad } from './bulk-load.ts'
import { openEnvironment, type Environment } from './environment.ts'
import { versionTables, type VersionTables } from './version-tables.ts'

let path: string
let environment: Environment
let tables: VersionTables
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'tailrace-lmdb-load-'))
  environment = openEnvironment(path, 64 * 1024 ** 2)
  tables = versionTables(environment, 'counts', 1)
})
afterEach(async () => {
  await environment.release()
  await rm(path, { recursive: true, force: true })
})

function load(through: Environment, fence: bigint, ...changes: DocumentChange[]): Promise<void> {
  async function* pages() {
    if (changes.length > 0) yield changes
  }
  const move: CheckpointMove = {
    range: 0,
    slots: { from: 0, to: 255 },
    fence,
    from: undefined,
    to: 5n,
  }
  return bulkLoad(through, tables, pages(), [move], '00000000000000aa/1', 'the version')
}

/** Does something as soon as a transaction of this number is on its way, before it is committed. */
function atWrite(number: number, doIt: () => void): Environment {
  let writes = 0
  return {
    ...environment,
    write(body) {
      const written = environment.write(body)
      if (++writes === number) doIt()
      return written
    },
  }
}

for (const fence of [1n, 2n, 3n])
  test(`a load under fence ${fence} that begins while one under fence 2 ends takes nothing from it`, async () => {
    let late: Promise<void> | undefined
    // Clears, writes its page, ends.
    const through = atWrite(3, () => {
      late = load(environment, fence)
      late.catch(() => undefined)
    })
    await load(through, 2n, { key: 'a', document: {}, position: 1n })
    await expect(late).rejects.toMatchObject({ code: 'PROJECTION_FENCED' })
    expect([...tables.documents.getKeys()].map(String)).toEqual(['a'])
    expect(tables.checkpoints.read().checkpoints.get(0)?.fence).toBe(2n)
  })
