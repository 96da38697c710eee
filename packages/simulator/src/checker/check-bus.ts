import type { LoggedEvent, Violation } from './history.ts'

/** A message as it was given to a broker. */
export interface SentMessage {
  readonly position: bigint
  readonly prevPosition: bigint
  readonly slot: number
  readonly slots: { readonly from: number; readonly to: number }
  readonly history: string
  readonly body: string
}

/** What a reader has that knows nothing but messages: of one history, by slot. */
export interface TakenSlots {
  readonly history: string
  readonly have: readonly bigint[]
  readonly positions: readonly (readonly bigint[])[]
}

export interface BusEvidence {
  readonly messages: Iterable<SentMessage>
  readonly maxBytes: number
  /** Each history of the log, as far as it ever came, in order. */
  readonly logs: ReadonlyMap<string, readonly LoggedEvent[]>
  readonly taken: TakenSlots | undefined
}

/**
 * What a bus was given is true: each message is an event of the log, and of its slots the log holds nothing between the
 * position before and its own. Who trusts that, misses nothing and takes nothing twice.
 */
export function checkBus({ messages, maxBytes, logs, taken }: BusEvidence): Violation[] {
  const violations: Violation[] = []
  const seen = new Set<string>()
  for (const message of messages) {
    const { position, prevPosition, slots, history } = message
    const text = `${position} ${prevPosition} ${slots.from} ${slots.to} ${history}`
    if (seen.has(text)) continue
    seen.add(text)
    const wrong = whatIsWrong(message, logs.get(history), maxBytes)
    if (wrong !== undefined)
      violations.push({ ...wrong, text: `message ${position} of ${history} ${wrong.text}` })
  }
  if (taken !== undefined) violations.push(...checkTaken(taken, logs.get(taken.history) ?? []))
  return violations
}

function whatIsWrong(
  message: SentMessage,
  log: readonly LoggedEvent[] | undefined,
  maxBytes: number,
): Violation | undefined {
  const { position, prevPosition, slot, slots } = message
  if (log === undefined) return { invariant: 'I3', text: 'is of no history of this log' }
  const at = indexOf(log, position)
  const event = log[at]
  if (event?.position !== position) return { invariant: 'I3', text: 'is not in the log' }
  if (event.slot !== slot) return { invariant: 'I6', text: `names slot ${slot}, not ${event.slot}` }
  if (slot < slots.from || slot > slots.to || prevPosition >= position)
    return {
      invariant: 'I6',
      text: `comes after ${prevPosition} in ${slots.from}-${slots.to}, slot ${slot}`,
    }
  for (let i = at - 1; i >= 0 && log[i]!.position > prevPosition; i--) {
    const between = log[i]!
    if (between.slot >= slots.from && between.slot <= slots.to)
      return {
        invariant: 'I2',
        text: `says that nothing lies after ${prevPosition} in slots ${slots.from}-${slots.to}; ${between.position} does`,
      }
  }
  const other = otherIn(message.body, event, maxBytes)
  return other === undefined ? undefined : { invariant: 'I1', text: `has another "${other}"` }
}

/** The first attribute of a body that is not what the log holds. */
function otherIn(body: string, event: LoggedEvent, maxBytes: number): string | undefined {
  const found = JSON.parse(body) as Record<string, unknown>
  const wanted: Record<string, unknown> = {
    id: `${event.commandId}/${event.ordinal}`,
    type: event.type,
    subject: `${event.aggregate}/${event.stream}`,
    time: event.at,
    position: String(event.position),
    slot: event.slot,
    stream: event.stream,
    streamversion: event.version,
    schemaversion: event.schemaVersion,
    correlationid: event.commandId,
    ordinal: event.ordinal,
  }
  for (const [name, value] of Object.entries(wanted)) if (found[name] !== value) return name
  if (found['omitted'] === undefined)
    return JSON.stringify(found['data']) === JSON.stringify(event.data) ? undefined : 'data'
  const whole = JSON.stringify({ ...found, omitted: undefined, data: event.data })
  return Buffer.byteLength(whole) > maxBytes ? undefined : 'omitted'
}

/** Each slot has all events up to where its reader says that it is, each once and in order. */
function checkTaken(
  { history, have, positions }: TakenSlots,
  log: readonly LoggedEvent[],
): Violation[] {
  const violations: Violation[] = []
  const bySlot = Map.groupBy(log, ({ slot }) => slot)
  for (const [slot, found] of positions.entries()) {
    const wanted = (bySlot.get(slot) ?? [])
      .map(({ position }) => position)
      .filter((position) => position <= have[slot]!)
    if (wanted.length === found.length && wanted.every((position, i) => position === found[i]))
      continue
    violations.push({
      invariant: 'I2',
      text: `a reader of the bus took ${found.join(' ')} of slot ${slot} up to ${have[slot]}, the log ${history} has ${wanted.join(' ')}`,
    })
  }
  return violations
}

/** Where a position stands, or the event before it. */
function indexOf(log: readonly LoggedEvent[], position: bigint): number {
  let low = 0
  let high = log.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (log[middle]!.position <= position) low = middle
    else high = middle - 1
  }
  return low
}
