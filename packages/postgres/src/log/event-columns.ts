import type { RecordedEvent } from 'tailrace/adapter'

/** The time of an event as text that does not depend on the settings of the connection. */
export const isoTime = `to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`

/** The columns of an event `e` and its place `s`, as text in the order that `eventOf` reads. */
export function eventColumns(time = isoTime): string {
  return `s.position, e.slot, e.aggregatetype, e.aggregateid, e.version, e.type, e.schema_version,
  e.command_id, e.ordinal, e.causation_id, e.traceparent, ${time}, e.payload`
}

export type EventFields = readonly (string | null)[]

/** Makes an event of its columns, beginning with field `from`. The payload is parsed here, once. */
export function eventOf(fields: EventFields, from = 0): RecordedEvent {
  return {
    position: BigInt(fields[from]!),
    slot: Number(fields[from + 1]),
    aggregate: fields[from + 2]!,
    stream: fields[from + 3]!,
    version: Number(fields[from + 4]),
    type: fields[from + 5]!,
    schemaVersion: Number(fields[from + 6]),
    data: JSON.parse(fields[from + 12]!) as unknown,
    commandId: fields[from + 7]!,
    ordinal: Number(fields[from + 8]),
    causationId: fields[from + 9] ?? undefined,
    traceparent: fields[from + 10] ?? undefined,
    at: fields[from + 11]!,
  }
}

const asText = (value: string): string => value

/** Leaves every column as the text that the server sent. */
export const textColumns = { getTypeParser: () => asText }
