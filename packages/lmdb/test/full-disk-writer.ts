import { lmdb } from '@tailrace/lmdb'
import { isTailraceError } from 'tailrace/adapter'
import { countsProjection, history, stepOf } from './counts.ts'

// Writes until the system refuses to let the file grow, tries again, and says what it met. Argument: folder.

const opened = await lmdb({ path: process.argv[2]! }).open(countsProjection, history)
const refusals: string[] = []
while (refusals.length < 3) {
  const from = (await opened.checkpoints()).get(0)?.position
  const step = await stepOf(opened, from, 20n)
  const wide = step.changes.map((change) => ({
    ...change,
    key: `${change.key}-${from ?? 0n}`,
    document: { filling: 'x'.repeat(2_000) },
  }))
  try {
    await opened.apply({ ...step, changes: [...step.changes, ...wide] })
  } catch (error) {
    refusals.push(isTailraceError(error) ? `${error.code} ${error.retryable}` : String(error))
    // What is rejected and not handled would end the process here.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
process.stdout.write(
  JSON.stringify({ refusals, position: String((await opened.checkpoints()).get(0)?.position) }),
)
