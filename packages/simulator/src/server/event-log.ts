import {
  TailraceError,
  type Behind,
  type EventLog,
  type LogEpoch,
  type LogHead,
  type LogIdentity,
  type LogPage,
  type LogRead,
  type RecordedEvent,
} from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Database } from './database.ts'
import type { DatabaseState, LogRow } from './database-state.ts'
import { establishHistory } from './log-history.ts'
import { sees } from './snapshot.ts'
import { unavailable } from './write-store.ts'

export interface SimEventLogOptions {
  readonly database: Database
  readonly process: Process
  /** Positions looked at per read, and events per page of a scan. */
  readonly pageSize: number
}

/** The log as one process reads it. */
export class SimEventLog implements EventLog {
  identity: LogIdentity
  readonly #database: Database
  readonly #process: Process
  readonly #pageSize: number

  constructor({ database, process, pageSize }: SimEventLogOptions) {
    this.#database = database
    this.#process = process
    this.#pageSize = pageSize
    const { systemId, epoch } = establishHistory(database)
    this.identity = { systemId, epoch }
  }

  read({ after, slots, limit, types }: LogRead): Promise<LogPage> {
    return this.#call('read', (state) => {
      const most = Math.max(limit, this.#pageSize)
      const events: RecordedEvent[] = []
      const start = firstAfter(state, after)
      let through = after
      for (let i = start; i < Math.min(state.sequenced.length, start + most); i++) {
        const { position, row } = state.sequenced[i]!
        through = position
        if (types?.includes(row.type) === false) continue
        if (!slots.some(({ from, to }) => row.slot >= from && row.slot <= to)) continue
        events.push(recorded(position, row))
        if (events.length === limit) break
      }
      return { events, through }
    })
  }

  readAt(positions: readonly bigint[]): Promise<RecordedEvent[]> {
    return this.#call('readAt', (state) => {
      const wanted = new Set(positions)
      return state.sequenced.flatMap(({ position, row }) =>
        wanted.has(position) ? [recorded(position, row)] : [],
      )
    })
  }

  async *scan({
    after,
    through,
    types,
  }: {
    readonly after: bigint
    readonly through: bigint
    readonly types?: readonly string[]
  }): AsyncGenerator<LogPage> {
    for (let from = after; from < through;) {
      const start = from
      const page = await this.#call('scan', (state) => {
        const first = firstAfter(state, start)
        const part = state.sequenced
          .slice(first, first + this.#pageSize)
          .filter(({ position }) => position <= through)
        return {
          events: part.flatMap(({ position, row }) =>
            types?.includes(row.type) === false ? [] : [recorded(position, row)],
          ),
          through: part.at(-1)?.position,
        }
      })
      if (page.through === undefined) return
      from = page.through
      yield { events: page.events, through: page.through }
    }
  }

  head(): Promise<LogHead> {
    return this.#call('head', (state) => {
      const { systemId, epoch } = state.epochs.at(-1)!
      this.identity = { systemId, epoch }
      const waiting = state.events.filter((row) => !state.positions.has(row.id))
      return {
        systemId,
        epoch,
        position: headOf(state),
        nowMs: Math.floor(this.#database.nowMs()),
        unsequenced: waiting.length,
        oldestUnsequencedAtMs:
          waiting.length === 0 ? undefined : Math.min(...waiting.map((row) => row.atMs)),
        sequencerSeenMs: state.sequencerSeenMs,
        ...(state.sequencerTrouble === undefined
          ? {}
          : { sequencerTrouble: state.sequencerTrouble }),
      }
    })
  }

  behind(positions: readonly bigint[]): Promise<readonly Behind[]> {
    return this.#call('behind', (state) =>
      positions.map((position) => {
        const at = firstAfter(state, position)
        return {
          events: state.sequenced.length - at,
          oldestAtMs: state.sequenced[at]?.row.atMs,
        }
      }),
    )
  }

  resolve(xids: readonly string[]): Promise<readonly (bigint | 'pending' | undefined)[]> {
    return this.#call('resolve', (state) => {
      const snapshot = this.#database.snapshot()
      return xids.map((text) => {
        const xid = Number(text)
        if (!sees(snapshot, xid)) return undefined
        const last = state.events.findLast((row) => row.xid === xid)
        return last === undefined ? 0n : (state.positions.get(last.id) ?? 'pending')
      })
    })
  }

  epochs(): Promise<readonly LogEpoch[]> {
    return this.#call('epochs', (state) =>
      state.epochs.map(({ systemId, epoch, lastPosition, firstPosition }) => ({
        systemId,
        epoch,
        lastPosition,
        firstPosition,
      })),
    )
  }

  async #call<T>(name: string, effect: (state: DatabaseState) => T): Promise<T> {
    const { simulation, server } = this.#database
    try {
      return await simulation.network.call({
        process: this.#process,
        server,
        name,
        writes: false,
        effect: () => {
          if (this.#database.state.epochs.length === 0) throw notPrimary()
          return effect(this.#database.state)
        },
      })
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(error) : error
    }
  }
}

function notPrimary(): TailraceError {
  return new TailraceError('LOG_NOT_PRIMARY', 'expected a history, got none', { retryable: true })
}

/** The last position that an event has. */
export function headOf({ sequenced }: DatabaseState): bigint {
  return sequenced.at(-1)?.position ?? 0n
}

/** Where the first event after a position stands. */
function firstAfter({ sequenced }: DatabaseState, position: bigint): number {
  let low = 0
  let high = sequenced.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sequenced[middle]!.position <= position) low = middle + 1
    else high = middle
  }
  return low
}

export function recorded(position: bigint, row: LogRow): RecordedEvent {
  const { slot, aggregate, stream, version, type, schemaVersion, data } = row
  const { commandId, ordinal, causationId, traceparent, at } = row
  return {
    position,
    slot,
    aggregate,
    stream,
    version,
    type,
    schemaVersion,
    data,
    commandId,
    ordinal,
    causationId,
    traceparent,
    at,
  }
}
