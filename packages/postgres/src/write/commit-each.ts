import { WriteConflict, WriteFailed, type EachCommitted, type WriteBatch } from 'tailrace/adapter'
import { isLogFull } from './database-errors.ts'
import type { PostgresWriteStore } from './postgres-write-store.ts'
import { runCommitting, type Run } from './statement-runner.ts'

type Failure = WriteConflict | WriteFailed

/**
 * Commits entries under savepoints in one transaction. Entries that do not touch each other's aggregates are tried
 * together first, and halved where they fail, so that one bad entry among many costs a few round trips, not one each.
 */
export async function commitEach(
  store: PostgresWriteStore,
  run: Run,
  batches: readonly WriteBatch[],
): Promise<EachCommitted> {
  const failures: (Failure | undefined)[] = batches.map(() => undefined)
  const attempt = async (from: number, to: number): Promise<void> => {
    const batch = merged(batches.slice(from, to))
    const failure = batch === undefined ? 'split' : await underSavepoint(store, run, batch)
    if (failure === undefined) return
    if (to - from === 1) {
      failures[from] = failure as Failure
      return
    }
    const middle = (from + to) >> 1
    await attempt(from, middle)
    await attempt(middle, to)
  }
  await run({ text: 'begin isolation level read committed read write' })
  try {
    if (batches.length > 0) await attempt(0, batches.length)
    const { rows } = await run({ text: 'select pg_current_xact_id()::text as xid' })
    await runCommitting(run, { text: 'commit' })
    return { xid: rows[0].xid, failures }
  } catch (error) {
    // Fails only with the connection, which then rolls back too.
    await run({ text: 'rollback' }).catch(() => undefined)
    throw error
  }
}

/** Why the batch could not be written; undefined when it was. Throws when the connection or the server gave up. */
async function underSavepoint(
  store: PostgresWriteStore,
  run: Run,
  batch: WriteBatch,
): Promise<Failure | undefined> {
  await run({ text: 'savepoint entry' })
  try {
    await store.writeWith(run, batch)
    await run({ text: 'release savepoint entry' })
    return undefined
  } catch (error) {
    const classified = store.classify(error)
    if (!(classified instanceof WriteConflict || classified instanceof WriteFailed))
      throw classified
    await run({ text: 'rollback to savepoint entry' })
    const explained = await store.explain((body) => body(run), error, batch)
    // Asking may have failed too.
    if (!isLogFull(error)) await run({ text: 'rollback to savepoint entry' })
    await run({ text: 'release savepoint entry' })
    return explained as Failure
  }
}

/** The entries as one batch; undefined when two of them touch one aggregate, command or timer. */
function merged(batches: readonly WriteBatch[]): WriteBatch | undefined {
  if (batches.length === 1) return batches[0]
  const seen = new Set<string>()
  for (const batch of batches) {
    const own = touched(batch)
    for (const place of own) if (seen.has(place)) return undefined
    for (const place of own) seen.add(place)
  }
  return {
    rows: batches.flatMap(({ rows }) => rows),
    guards: batches.flatMap(({ guards }) => guards),
    events: batches.flatMap(({ events }) => events),
    commands: batches.flatMap(({ commands }) => commands),
    timers: batches.flatMap(({ timers }) => timers),
    issued: batches.flatMap(({ issued }) => issued),
  }
}

function touched(batch: WriteBatch): Set<string> {
  return new Set([
    ...batch.rows.map(({ aggregate, id }) => `a/${aggregate.name}/${id}`),
    ...batch.guards.map(({ aggregate, id }) => `a/${aggregate.name}/${id}`),
    ...batch.commands.map(({ commandId }) => `c/${commandId}`),
    ...batch.timers.map(({ schedule, stream }) => `t/${schedule}/${stream}`),
  ])
}
