import { describe, expect, test } from 'vitest'
import { resultOf } from './vitest-stage.ts'

const file = (status: string, ...tests: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((each) => ({ status: each, fullName: 'a test' })),
})

describe('the result of a run', () => {
  test('counts each test, and lists what was not run', () => {
    const report = {
      numPassedTests: 1,
      numFailedTests: 1,
      testResults: [file('failed', 'passed', 'failed', 'pending')],
    }
    expect(resultOf(report, 1)).toEqual({ passed: 1, failed: 1, notRun: ['a.test.ts: a test'] })
  })

  test('counts a file that could not be loaded as a failure', () => {
    expect(
      resultOf({ numPassedTests: 3, numFailedTests: 0, testResults: [file('failed')] }, 1),
    ).toMatchObject({ passed: 3, failed: 1 })
  })

  test('fails when vitest says so although no test did, when it ran no test, and when it left no report', () => {
    expect(resultOf({ numPassedTests: 3, numFailedTests: 0, testResults: [] }, 1).failed).toBe(1)
    expect(resultOf({ numPassedTests: 0, numFailedTests: 0, testResults: [] }, 0).failed).toBe(1)
    expect(resultOf(undefined, 0).failed).toBe(1)
  })
})
