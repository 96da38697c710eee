import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { lmdb } from './index.ts'
import { register } from '../../conformance/src/suite.ts'
import { checkpointRequirements } from '../../conformance/src/read-store/checkpoints.ts'
import { documentRequirements } from '../../conformance/src/read-store/documents.ts'
import { parkingRequirements } from '../../conformance/src/read-store/parking.ts'
import { versionRequirements } from '../../conformance/src/read-store/versions.ts'

describe('the LMDB read store', () => {
  const all = [
    ...checkpointRequirements,
    ...documentRequirements,
    ...parkingRequirements,
    ...versionRequirements,
  ]
  register(test, all, async () => {
    const path = await mkdtemp(join(tmpdir(), 'tailrace-lmdb-'))
    const store = lmdb({ path })
    return {
      subject: store,
      async close() {
        await store.close()
        await rm(path, { recursive: true, force: true })
      },
    }
  })
})
