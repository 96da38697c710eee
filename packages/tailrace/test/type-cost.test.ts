import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { largeApp } from './large-app.ts'

const run = promisify(execFile)
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** What tsc counts for an application: type instantiations are no measure of time, so they are the same on every machine. */
async function instantiations(commands: number): Promise<number> {
  // Inside the repository, so that the workspaces are found; in a folder that no check of the repository looks into.
  const folder = await mkdtemp(join(root, 'node_modules/.type-cost-'))
  try {
    await writeFile(join(folder, 'app.ts'), largeApp(commands))
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', include: ['app.ts'], exclude: [] }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [
      tsc,
      '-p',
      folder,
      '--extendedDiagnostics',
      '--singleThreaded',
    ])
    return Number(/Instantiations:\s+(\d+)/.exec(stdout)![1])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

// Measured: 447,154; the schemas of the same application alone take 54,903, an empty application 22,391. So a command with
// its share of an aggregate, a projection and a query costs about 1,310. The budget is 1.3 times what was measured.
const budget = 581_000

test('an application of 300 commands type-checks within its budget of instantiations', async () => {
  const counted = await instantiations(300)
  expect(counted).toBeLessThan(budget)
  // Far below the budget, the number above is out of date: lower it, or the budget guards nothing.
  expect(counted).toBeGreaterThan(budget / 2)
}, 120_000)
