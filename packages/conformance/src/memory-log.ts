import {
  slotOf,
  type Behind,
  type EventLog,
  type LogEpoch,
  type LogHead,
  type LogIdentity,
  type LogPage,
  type LogRead,
  type RecordedEvent,
} from 'tailrace/adapter'

/** An event to record: what an aggregate would have emitted. */
export interface GivenEvent {
  readonly stream: string
  readonly event: { readonly type: string; readonly data: unknown }
  /** Default: `given`. */
  readonly aggregate?: string
  /** Schema version of the data. Default: 1. */
  readonly schemaVersion?: number
  /** RFC 3339. Default: one second per event, from 2026-01-01. */
  readonly at?: string
}

const startMs = Date.parse('2026-01-01T00:00:00.000Z')

/** Gives events the positions, versions and slots that the log would have given them. */
export function recorded(events: readonly GivenEvent[]): RecordedEvent[] {
  const versions = new Map<string, number>()
  return events.map(({ stream, event, aggregate = 'given', schemaVersion = 1, at }, i) => {
    const version = (versions.get(`${aggregate}/${stream}`) ?? 0) + 1
    versions.set(`${aggregate}/${stream}`, version)
    return {
      position: BigInt(i + 1),
      slot: slotOf(stream),
      aggregate,
      stream,
      version,
      type: event.type,
      schemaVersion,
      data: event.data,
      commandId: `00000000-0000-8000-8000-${i.toString(16).padStart(12, '0')}`,
      ordinal: 0,
      causationId: undefined,
      traceparent: undefined,
      at: at ?? new Date(startMs + i * 1_000).toISOString(),
    }
  })
}

/** A log over a list of events: for suites, which need a log of exactly these. */
export class ListLog implements EventLog {
  readonly identity: LogIdentity = { systemId: '00000000000000ff', epoch: 1 }
  readonly events: readonly RecordedEvent[]

  constructor(events: readonly RecordedEvent[]) {
    this.events = events
  }

  async read({ after, slots, limit, types }: LogRead): Promise<LogPage> {
    const events: RecordedEvent[] = []
    for (let i = Number(after); i < this.events.length; i++) {
      const event = this.events[i]!
      const wanted =
        slots.some((range) => event.slot >= range.from && event.slot <= range.to) &&
        types?.includes(event.type) !== false
      if (!wanted) continue
      events.push(event)
      if (events.length === limit) return { events, through: event.position }
    }
    return { events, through: this.last > after ? this.last : after }
  }

  async readAt(positions: readonly bigint[]): Promise<RecordedEvent[]> {
    return positions
      .flatMap((position) => this.events[Number(position) - 1] ?? [])
      .toSorted((a, b) => Number(a.position - b.position))
  }

  async *scan({
    after,
    through,
    types,
  }: {
    after: bigint
    through: bigint
    types?: readonly string[]
  }): AsyncGenerator<LogPage> {
    const size = 100
    for (
      let from = Number(after);
      from < Math.min(Number(through), this.events.length);
      from += size
    ) {
      const part = this.events.slice(from, Math.min(from + size, Number(through)))
      yield {
        events: part.filter((event) => types?.includes(event.type) !== false),
        through: part.at(-1)!.position,
      }
    }
  }

  async head(): Promise<LogHead> {
    return {
      ...this.identity,
      position: this.last,
      nowMs: startMs,
      unsequenced: 0,
      oldestUnsequencedAtMs: undefined,
      sequencerSeenMs: startMs,
    }
  }

  async behind(positions: readonly bigint[]): Promise<Behind[]> {
    return positions.map((position) => {
      const next = this.events[Number(position)]
      return {
        events: Math.max(0, this.events.length - Number(position)),
        oldestAtMs: next === undefined ? undefined : Date.parse(next.at),
      }
    })
  }

  async resolve(xids: readonly string[]): Promise<undefined[]> {
    return xids.map(() => undefined)
  }

  async epochs(): Promise<LogEpoch[]> {
    return [{ ...this.identity, lastPosition: 0n, firstPosition: 0n }]
  }

  get last(): bigint {
    return BigInt(this.events.length)
  }
}
