import { randomUUID } from 'node:crypto'
import { TailraceError, type CheckpointMove, type DocumentChange } from 'tailrace/adapter'
import { partsOf } from './apply-batch.ts'
import { beginScript, clearScript, fillScript, finishScript } from './bulk-scripts.ts'
import { positionOf, positionText } from './position-text.ts'
import {
  entryOf,
  historyArguments,
  moveArguments,
  runScript,
  type Entry,
  type VersionAccess,
} from './version-access.ts'

/** Parts on their way at once: the next is made while the server works on the last. */
const inFlightMax = 2

/**
 * Fills an empty version. What an interrupted load left is removed first. The checkpoints come last, so that a crash leaves
 * "not started"; a load that another one has overtaken writes nothing any more.
 */
export async function bulkLoad(
  access: VersionAccess,
  pages: AsyncIterable<readonly DocumentChange[]>,
  moves: readonly CheckpointMove[],
): Promise<void> {
  const fence = moves[0]?.fence ?? 0n
  const token = positionText(fence) + randomUUID()
  expectOk(access, await runScript(access, beginScript, [], [token]))
  await clear(access, token)
  let inFlight: Promise<void>[] = []
  try {
    for await (const page of pages) {
      for (const part of partsOf(page.map((change) => entryOf(access, change)))) {
        if (part.length === 0) continue
        const filling = fill(access, token, part)
        // It is awaited later; until then a failure is nobody's.
        filling.catch(() => undefined)
        inFlight.push(filling)
        if (inFlight.length >= inFlightMax) await inFlight.shift()
      }
    }
    await Promise.all(inFlight)
    inFlight = []
  } finally {
    await Promise.allSettled(inFlight)
  }
  const args = [token, ...historyArguments(access.history), ...moveArguments(moves)]
  expectOk(access, await runScript(access, finishScript, [], args))
}

async function clear(access: VersionAccess, token: string): Promise<void> {
  for (let state: string | undefined; state !== 'done';) {
    const answer = await runScript(access, clearScript, [], [token])
    expectOk(access, answer)
    state = answer[1]
  }
}

async function fill(access: VersionAccess, token: string, part: readonly Entry[]): Promise<void> {
  const answer = await runScript(
    access,
    fillScript,
    part.map(({ key }) => key),
    [token, ...part.map(({ value }) => value)],
  )
  expectOk(access, answer)
}

/** How a script refuses; a worker that was refused looks again, and follows a load that has ended. */
const refusals: Readonly<Record<string, (found: string) => string>> = {
  started: () => 'checkpoints of one that has ended',
  fenced: (found) => `one under fence ${positionOf(found)}`,
  overtaken: () => 'another one that began later',
}

function expectOk({ where }: VersionAccess, [answer, found]: readonly string[]): void {
  if (answer === 'ok') return
  throw new TailraceError(
    'PROJECTION_FENCED',
    `expected to be the only bulk load of ${where}, got ${refusals[answer!]!(found!)}; this one stops`,
    { retryable: true },
  )
}
