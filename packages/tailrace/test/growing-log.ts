import { ListLog } from '../../conformance/src/memory-log.ts'
import type {
  LogEpoch,
  LogHead,
  LogIdentity,
  LogPage,
  LogRead,
  RecordedEvent,
} from '../src/ports/event-log.ts'
import { slotOf } from '../src/log/slot.ts'

/** A log in memory that grows when told to, counts its reads, and can fail. */
export class GrowingLog extends ListLog {
  readonly #events: RecordedEvent[]
  reads = 0
  failing = false

  constructor() {
    const events: RecordedEvent[] = []
    super(events)
    this.#events = events
  }

  /** Records events of a few streams, of the types A, B and C in turn. Gives the last position. */
  record(count: number, data: (n: number) => unknown = (n) => ({ n })): bigint {
    for (let i = 0; i < count; i++) {
      const n = this.#events.length + 1
      const stream = `s${n % 61}`
      this.#events.push({
        position: BigInt(n),
        slot: slotOf(stream),
        aggregate: 'thing',
        stream,
        version: n,
        type: ['A', 'B', 'C'][n % 3]!,
        schemaVersion: 1,
        data: data(n),
        commandId: `00000000-0000-8000-8000-${n.toString(16).padStart(12, '0')}`,
        ordinal: 1,
        causationId: undefined,
        traceparent: undefined,
        at: new Date(1_767_225_600_000 + n).toISOString(),
      })
    }
    return this.last
  }

  /** A restore takes the last events away. */
  lose(count: number): void {
    this.#events.splice(-count)
  }

  override async read(options: LogRead): Promise<LogPage> {
    this.reads++
    await Promise.resolve()
    if (this.failing) throw new Error('the connection to the log was lost')
    return super.read(options)
  }
}

/** The histories of a log that was restored once: of the first, 100 positions survived. */
export const restored: readonly LogEpoch[] = [
  { systemId: '00000000000000ff', epoch: 1, lastPosition: 0n, firstPosition: 0n },
  { systemId: '00000000000000ff', epoch: 2, lastPosition: 100n, firstPosition: 1_000_100n },
]

/** What `head` says of a log with this identity. */
export function headOf(identity: LogIdentity, position: bigint): LogHead {
  return {
    ...identity,
    position,
    nowMs: 0,
    unsequenced: 0,
    oldestUnsequencedAtMs: undefined,
    sequencerSeenMs: 0,
  }
}
