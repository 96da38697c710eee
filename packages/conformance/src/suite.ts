/** The test function of the caller's runner (vitest, node:test, …). */
export type TestFunction = (name: string, body: () => Promise<void>) => unknown

/** One requirement of a port. */
export interface Requirement<Subject> {
  readonly name: string
  readonly run: (subject: Subject) => Promise<void>
}

/** Registers each requirement as a test on a subject of its own, which is closed afterwards. */
export function register<Subject>(
  test: TestFunction,
  requirements: readonly Requirement<Subject>[],
  create: () => Promise<{ readonly subject: Subject; close(): Promise<void> }>,
): void {
  for (const { name, run } of requirements) {
    test(name, async () => {
      const { subject, close } = await create()
      try {
        await run(subject)
      } finally {
        await close()
      }
    })
  }
}

/** Asserts that a promise rejects with a code of Tailrace. */
export async function refuses(
  promise: Promise<unknown>,
  code: string,
): Promise<Error & { readonly details: Record<string, unknown> }> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in outcome)
    throw new Error(
      `expected ${code}, got the value ${JSON.stringify(outcome.value) ?? 'undefined'}`,
    )
  const error = outcome.error as Error & { code?: unknown; details: Record<string, unknown> }
  if (error.code !== code)
    throw new Error(`expected ${code}, got ${String(error.code)}: ${error.message}`, {
      cause: error,
    })
  return error
}
