import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SuiteResult {
  readonly passed: number
  readonly failed: number
  /** Full names of the tests that failed. */
  readonly failures: readonly string[]
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** Runs the tests of packages/postgres (or of these paths), but those of the embedded server, on the server of this address. */
export async function runSuite(url: string, paths: readonly string[]): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-report-'))
  const file = join(folder, 'report.json')
  try {
    const vitest = spawn(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        ...(paths.length > 0 ? paths : ['packages/postgres']),
        '--exclude',
        '**/embedded/**',
        '--reporter=json',
        `--outputFile=${file}`,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TAILRACE_TEST_PG: url } },
    )
    await once(vitest, 'exit')
    return resultOf(JSON.parse(readFileSync(file, 'utf8')) as Report)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function resultOf(report: Report): SuiteResult {
  const failures = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const tests = assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName }) => fullName)
    // A file that fails outside of its tests has none that failed.
    return tests.length > 0 || status !== 'failed' ? tests : [`${name}: ${message}`]
  })
  return {
    passed: report.numPassedTests,
    failed: Math.max(report.numFailedTests, failures.length),
    failures,
  }
}
