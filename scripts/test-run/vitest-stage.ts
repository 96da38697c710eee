import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { runProgram, type Stage, type StageResult } from './stage.ts'

/** What vitest's JSON reporter writes, as far as it is used. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** Tests with vitest; each test counts for itself. `args` choose the files and how they run. */
export function vitestStage(name: string, ...args: readonly string[]): Stage {
  return {
    name,
    async run() {
      const folder = mkdtempSync(join(tmpdir(), 'tailrace-report-'))
      const report = join(folder, 'report.json')
      try {
        const code = await runProgram('vitest', [
          'run',
          ...args,
          '--reporter=default',
          '--reporter=json',
          `--outputFile.json=${report}`,
        ])
        return resultOf(readReport(report), code)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

function readReport(path: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    return undefined
  }
}

/** A run that says it failed counts at least one failure, also when no test did: a file that could not be loaded, an error after the tests. */
export function resultOf(report: Report | undefined, exitCode: number): StageResult {
  if (report === undefined) return { passed: 0, failed: 1, notRun: [] }
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  )
  const failed = report.numFailedTests + unloaded.length
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && (exitCode !== 0 || report.numPassedTests === 0) ? 1 : failed,
    notRun: report.testResults.flatMap((file) =>
      file.assertionResults
        .filter(({ status }) => status !== 'passed' && status !== 'failed')
        .map(({ fullName }) => `${relative(process.cwd(), file.name)}: ${fullName}`),
    ),
  }
}
