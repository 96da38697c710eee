import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

// The commands of this repository as processes of their own, as far as what they are called with goes.

const root = join(import.meta.dirname, '..')
const data = mkdtempSync(join(tmpdir(), 'command-lines-'))
afterAll(() => rmSync(data, { recursive: true }))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function call(program: string, ...args: string[]): Promise<Ended> {
  const env = { ...process.env, ENGINES_DATA: data, TAILRACE_DATA: join(data, 'orders') }
  return new Promise((resolve) => {
    const argv = ['--conditions=source', join(root, program), ...args]
    execFile(process.execPath, argv, { cwd: root, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

test.each([
  ['packages/simulator/src/main.ts', 'npm run sim --'],
  ['scripts/engines.ts', 'npm run engines -- up'],
  ['scripts/test-engines.ts', 'npm run test:engines -- --only'],
  ['bench/main.ts', 'npm run bench --'],
  ['systems/orders/main.ts', 'npm start ['],
  ['systems/orders/import/main.ts', 'npm run import --'],
])('%s says with --help how it is called, and ends well', async (program, says) => {
  const { code, stdout, stderr } = await call(program, '--help')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain(says)
})

test.each([
  ['packages/simulator/src/main.ts', ['--seeds', '5..3'], 'got "5..3"'],
  ['bench/main.ts', ['--only', 'P99'], /expected --only to name goals of P1.*, got "P99"/],
  ['scripts/engines.ts', ['status', 'radish'], 'got status radish'],
  ['scripts/test-engines.ts', ['--only', 'radish'], 'got radish'],
])('%s %j is refused in a sentence', async (program, args, says) => {
  const { code, stdout, stderr } = await call(program, ...args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(says)
  expect(stderr).not.toMatch(/^ +at /m)
})

test('the status of an engine that was asked for and does not run ends with 1, that of all with 0', async () => {
  const one = await call('scripts/engines.ts', 'status', 'redis')
  expect(one).toMatchObject({ code: 1, stdout: expect.stringMatching(/^redis /) })
  expect((await call('scripts/engines.ts', 'status')).code).toBe(0)
})
