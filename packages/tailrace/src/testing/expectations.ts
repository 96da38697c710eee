import { AssertionError, deepStrictEqual } from 'node:assert'
import { validateNow, type AnySchema } from '../declare/standard-schema.ts'

/** Fails a test with a text that stands for itself. */
export function fail(
  message: string,
  operands: { readonly actual?: unknown; readonly expected?: unknown } = {},
): never {
  throw new AssertionError({ message, operator: 'tailrace', stackStartFn: fail, ...operands })
}

/** Compares deeply; the failure shows a heading and then the difference. */
export function expectEqual(actual: unknown, expected: unknown, heading: string): void {
  try {
    deepStrictEqual(actual, expected)
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error
    const message = `${heading}\n${error.message}`
    throw new AssertionError({
      message,
      actual,
      expected,
      operator: 'tailrace',
      stackStartFn: expectEqual,
    })
  }
}

/** Fails unless a value fits its schema and survives JSON: what is recorded is read back as it was. */
export function expectFits(schema: AnySchema, value: unknown, what: string): void {
  const checked = validateNow(schema, value)
  if (!checked.ok) {
    const issues = checked.issues.map(
      ({ pointer, message }) => `  ${pointer === '' ? '(whole)' : pointer}: ${message}`,
    )
    fail(`expected ${what} to fit its schema, got\n${issues.join('\n')}\nin ${show(value)}`, {
      actual: value,
    })
  }
  expectJson(value, what)
}

/** Fails for a value that JSON changes: a Date, an undefined property, NaN, a bigint. */
export function expectJson(value: unknown, what: string): void {
  let read: unknown
  try {
    read = JSON.parse(JSON.stringify(value))
  } catch (error) {
    fail(`expected ${what} to be JSON, got ${show(value)}: ${(error as Error).message}`, {
      actual: value,
    })
  }
  expectEqual(
    value,
    read,
    `expected ${what} to come back from JSON as it was; use null, numbers and RFC 3339 texts`,
  )
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return String(value)
  }
}
