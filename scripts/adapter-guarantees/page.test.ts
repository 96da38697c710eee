import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { busAdapters, storeAdapters, testsIn } from './adapters.ts'
import { adapterGuarantees } from './page.ts'

const path = join(import.meta.dirname, '../../docs/reference/guarantees.md')

test('the page in the repository is what adapters and suites say now; npm run adapter-guarantees writes it', () => {
  expect(readFileSync(path, 'utf8')).toBe(adapterGuarantees())
})

test('every adapter runs the suite of its port in its own tests', () => {
  const root = join(import.meta.dirname, '../..')
  const runs = (folder: string, suite: string): boolean =>
    testsIn(folder).some((file) => readFileSync(join(root, file), 'utf8').includes(`${suite}(`))
  for (const { folder, title } of storeAdapters)
    expect(runs(folder, 'readStoreSuite'), title).toBe(true)
  for (const { folder, title } of busAdapters) expect(runs(folder, 'busSuite'), title).toBe(true)
})
