import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readStoreSuite } from '@tailrace/conformance'
import { afterAll, describe, test } from 'vitest'
import { lmdb } from './index.ts'

const folders: string[] = []

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

describe('the LMDB read store', () => {
  readStoreSuite({
    test,
    name: 'lmdb',
    async create() {
      const path = await mkdtemp(join(tmpdir(), 'tailrace-lmdb-'))
      folders.push(path)
      return lmdb({ path })
    },
  })
})
