import type { Envelope } from '../declare/envelope.ts'
import type { NewEvent } from '../declare/event.ts'
import { slotOf } from '../log/slot.ts'

/** A new event with something of what the log would record about it. */
export interface RecordedGiven<N extends string = string, D = unknown> extends NewEvent<N, D> {
  readonly recorded: Partial<Omit<Envelope, 'type' | 'data'>>
}

/** Says where an event stands in the log, for tests of projections; what is left out counts up. */
export function recorded<N extends string, D>(
  event: NewEvent<N, D>,
  place: RecordedGiven['recorded'],
): RecordedGiven<N, D> {
  return { type: event.type, data: event.data, recorded: place }
}

/** Makes envelopes in log order: streams, versions and positions count up, with one second of `2026-01-01` per position. */
export function recorder(): (event: NewEvent | RecordedGiven) => Envelope {
  const versions = new Map<string, number>()
  let last = 0n
  return (event) => {
    const place = 'recorded' in event ? event.recorded : {}
    const stream = place.stream ?? 'stream-1'
    const version = place.version ?? (versions.get(stream) ?? 0) + 1
    const position = place.position ?? last + 1n
    versions.set(stream, version)
    last = position
    const correlationId =
      place.correlationId ?? `00000000-0000-7000-8000-${position.toString(16).padStart(12, '0')}`
    const counted = {
      id: `${correlationId}/1`,
      aggregate: 'aggregate',
      stream,
      version,
      position,
      slot: slotOf(stream),
      at: timeOf(position),
      correlationId,
    }
    return { ...counted, ...place, type: event.type, data: event.data }
  }
}

function timeOf(position: bigint): string {
  const seconds = Number(position % 86_400n)
  const part = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `2026-01-01T${part(seconds / 3_600)}:${part((seconds / 60) % 60)}:${part(seconds % 60)}.000Z`
}
