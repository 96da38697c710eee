import {
  TailraceError,
  type ActiveSequencer,
  type LogIdentity,
  type SequencerCursor,
  type SequencerStep,
  type SequencerStore,
} from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Database } from './database.ts'
import type { LogRow, StepRow } from './database-state.ts'
import { establishHistory } from './log-history.ts'
import { parseSnapshot, sees, snapshotText, type Snapshot } from './snapshot.ts'
import { unavailable } from './write-store.ts'

/** The sequencer's place and cursor, as one process reaches them. */
export function simSequencer(database: Database, process: Process): SequencerStore {
  const { network, marks } = database.simulation
  return {
    async acquire(trouble) {
      const session: Session = { ended: false }
      try {
        return await network.call({
          process,
          server: database.server,
          name: 'acquire',
          writes: true,
          effect: () => {
            // Two that both believe to have the place: a pooler in between, a failover. Only the cursor's key keeps them apart.
            const shared = database.place !== undefined && marks.buggify('the place is given twice')
            if (database.place !== undefined && !shared) {
              evictStalled(database)
              return undefined
            }
            if (shared) marks.sometimes('two sequencers are active')
            database.state.sequencerTrouble = trouble
            return new SimActiveSequencer(database, process, session)
          },
        })
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
        // Nobody knows of the session any more; the server ends it when it notices.
        session.ended = true
        database.simulation.kernel.after(50, 'session ends', () => session.leave?.())
        throw unavailable(error)
      }
    },
  }
}

interface Session {
  ended: boolean
  leave?: () => void
  speaks?: () => void
}

function evictStalled(database: Database): void {
  const since = database.nowMs() - database.tuning.stalledAfterMs
  const { sequencerSeenMs: seen } = database.state
  // A session that has just spoken is not stalled, also where a restore has set back what it reported.
  if (seen !== undefined && seen < since && database.place!.activeMs < since) {
    database.simulation.marks.sometimes('a stalled sequencer is made to leave')
    database.losePlace()
  }
}

class SimActiveSequencer implements ActiveSequencer {
  readonly cursor: SequencerCursor
  readonly identity: LogIdentity
  readonly #database: Database
  readonly #process: Process
  readonly #session: Session

  constructor(database: Database, process: Process, session: Session) {
    this.#database = database
    this.#process = process
    this.#session = session
    const { systemId, epoch } = establishHistory(database)
    this.identity = { systemId, epoch }
    const last = database.state.steps.at(-1)!
    this.cursor = {
      position: last.position,
      lo: snapshotText(last.snapshot),
      hi: last.frozen && snapshotText(last.frozen),
      afterId: BigInt(last.afterId),
    }
    const end = (): void => void (session.ended = true)
    database.sequencerSessions.add(end)
    const place = { lost: [end], activeMs: database.nowMs() }
    database.place = place
    session.speaks = () => (place.activeMs = database.nowMs())
    session.leave = () => {
      session.ended = true
      if (database.place === place) database.place = undefined
    }
    // Nobody waits for this answer any more: the server finds out when it sends it.
    if (session.ended || !process.alive)
      database.simulation.kernel.after(20, 'session ends', session.leave)
    process.onDeath(() => {
      const delay = database.simulation.marks.buggify('a dead session lingers') ? 5_000 : 20
      database.simulation.kernel.after(delay, 'session ends', () => session.leave!())
    })
  }

  async step(cursor: SequencerCursor, limit: number): Promise<SequencerStep> {
    return this.#call('step', async () => {
      const step = await takeStep(this.#database, cursor, limit)
      this.#assertHeld()
      if (step === undefined) {
        this.#database.simulation.marks.sometimes('a sequencer finds that another one went on')
        throw fenced(cursor)
      }
      return step
    })
  }

  async maintain(): Promise<void> {
    await this.#call('maintain', () => {
      this.#database.state.sequencerSeenMs = this.#database.nowMs()
      this.#database.state.sequencerTrouble = undefined
    })
  }

  async release(): Promise<void> {
    if (this.#session.ended) return
    this.#session.leave!()
  }

  #assertHeld(): void {
    if (this.#session.ended) throw new NoAnswer(this.#database.server.name, true)
  }

  async #call<T>(name: string, effect: () => T | Promise<T>): Promise<T> {
    const { simulation, server } = this.#database
    try {
      return await simulation.network.call({
        process: this.#process,
        server,
        name,
        writes: true,
        effect: () => {
          this.#assertHeld()
          this.#session.speaks!()
          return effect()
        },
      })
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : error
    }
  }
}

function fenced({ position }: SequencerCursor): TailraceError {
  return new TailraceError(
    'LOG_FENCED',
    `expected to go on from position ${position}, got a cursor that another sequencer moved`,
    { retryable: true },
  )
}

/**
 * One step: the window of events that became visible since `lo`, a page of it by id behind the last position, and the
 * cursor, in one transaction. Undefined: another one has gone on from there.
 */
async function takeStep(
  database: Database,
  cursor: SequencerCursor,
  limit: number,
): Promise<SequencerStep | undefined> {
  const lo = parseSnapshot(cursor.lo)
  const now = database.snapshot()
  const hi = cursor.hi === undefined ? now : parseSnapshot(cursor.hi)
  const window = windowOf(database, lo, hi, Number(cursor.afterId))
  const page = window.slice(0, limit)
  const more = window.length > limit
  const next: StepRow = {
    previous: cursor.position,
    position: cursor.position + BigInt(page.length),
    snapshot: more ? lo : hi,
    frozen: more ? hi : undefined,
    afterId: more ? page.at(-1)!.id : 0,
  }
  if (page.length > 0 && !(await placed(database, next, page))) return undefined
  if (more) database.simulation.marks.sometimes('a backlog is sequenced in pages')
  return {
    assigned: page.length,
    more,
    cursor: {
      position: next.position,
      lo: snapshotText(next.snapshot),
      hi: next.frozen && snapshotText(next.frozen),
      afterId: BigInt(next.afterId),
    },
  }
}

function windowOf(database: Database, lo: Snapshot, hi: Snapshot, afterId: number): LogRow[] {
  return database.state.events
    .filter((row) => row.id > afterId && !sees(lo, row.xid) && sees(hi, row.xid))
    .toSorted((a, b) => a.id - b.id)
}

async function placed(
  database: Database,
  next: StepRow,
  page: readonly LogRow[],
): Promise<boolean> {
  const transaction = database.begin()
  try {
    if (wasTaken(database, next)) return false
    await database.writes(transaction)
    await database.lock(transaction, `step ${next.previous}`)
    if (wasTaken(database, next)) return false
    transaction.onCommit.push((state) => {
      state.steps.push(next)
      state.sequencerSeenMs = database.nowMs()
      page.forEach((row, i) => {
        const position = next.previous + BigInt(i + 1)
        state.positions.set(row.id, position)
        state.sequenced.push({ position, row })
      })
      database.simulation.say(
        'sequencer',
        () => `${page.map(({ id }) => id).join()} → ${next.previous + 1n}…${next.position}`,
      )
    })
    await database.commit(transaction)
    return true
  } finally {
    database.rollback(transaction)
  }
}

function wasTaken(database: Database, { previous }: StepRow): boolean {
  return database.state.steps.at(-1)!.previous >= previous
}
