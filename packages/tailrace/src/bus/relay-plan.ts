import { TailraceError } from '../errors.ts'
import { slotCount, slotRanges } from '../log/slot.ts'
import type { BusLayout, BusMessage, BusPlace } from '../ports/bus.ts'
import type { LogEpoch, LogPage, SlotRange } from '../ports/event-log.ts'
import { historyText } from '../project/inspect-version.ts'
import { encodeMessage } from './encode-message.ts'
import { wireBytes } from './wire-bytes.ts'

/** How far each partition is published, and from where the log has to be read for all of them. Pure. */
export interface RelayPlan {
  readonly layout: BusLayout
  /** Of the messages to come. */
  readonly history: string
  readonly partitions: readonly PartitionPlace[]
  /** The log is read after it: the lowest of the partitions. */
  readonly position: bigint
}

export interface PartitionPlace {
  readonly slots: SlotRange
  /** Everything of these slots up to here is in the partition. */
  readonly published: bigint
}

export interface RelayPart {
  readonly partition: number
  readonly messages: readonly BusMessage[]
}

export interface RelayParts {
  /** What each partition is to get of a page, in order; partitions that get nothing are left out. */
  readonly parts: readonly RelayPart[]
  /** How it stands once they have it. */
  readonly next: RelayPlan
}

/**
 * No partition is ever further behind another than this many events: a relay publishes page after page, and waits for all
 * partitions in between. What a partition that tells nothing may lack, therefore, is no older.
 */
export const relaySpread = 10_000n

/**
 * Makes a plan of what the broker says that it holds, and of nothing else. A partition that cannot say it (empty, made
 * anew, trimmed to its end, with other slots than before) is taken to hold what the others prove, and what the broker would
 * not keep. Throws `BUS_FOREIGN` when a message belongs to another log.
 */
export function planRelay(found: {
  readonly bus: string
  readonly layout: BusLayout
  readonly places: readonly (BusPlace | undefined)[]
  /** Histories of the log, oldest first; the last one is the present. */
  readonly epochs: readonly LogEpoch[]
  /** Events up to here are older than what the broker keeps. Default: none. */
  readonly expired?: bigint
}): RelayPlan {
  const { bus, layout, places, epochs, expired = 0n } = found
  const survived = places.map((place) =>
    place === undefined ? undefined : survivingPosition(bus, place, epochs),
  )
  const highest = survived.reduce<bigint>((a, b) => (b !== undefined && b > a ? b : a), 0n)
  const proven = before(highest, relaySpread, epochs)
  const certain = proven < expired ? expired : proven
  const partitions = slotRanges(layout.partitions).map((slots, partition): PartitionPlace => {
    const place = places[partition]
    const same = place?.slots.from === slots.from && place.slots.to === slots.to
    return { slots, published: same ? survived[partition]! : certain }
  })
  return {
    layout,
    history: historyText(epochs.at(-1)!),
    partitions,
    position: lowest(partitions),
  }
}

/** Whether positions jump in a page, read after `plan.position`: within a history they are dense, a later one begins higher. */
export function jumps({ position }: RelayPlan, { events, through }: LogPage): boolean {
  return through - position !== BigInt(events.length)
}

/** Shares out a page of the log, read after `plan.position`: what a partition has already is left out. */
export function shareOut(plan: RelayPlan, page: LogPage, maxBytes: number): RelayParts {
  const { maxSendBytes } = plan.layout
  const owners = ownersOf(plan.partitions)
  const published = plan.partitions.map((partition) => partition.published)
  const messages = plan.partitions.map((): BusMessage[] => [])
  for (const event of page.events) {
    const partition = owners[event.slot]!
    const prevPosition = published[partition]!
    if (event.position <= prevPosition) continue
    const { slots } = plan.partitions[partition]!
    const chain = { prevPosition, slots, history: plan.history }
    messages[partition]!.push(encodeMessage(event, chain, maxBytes, maxSendBytes))
    published[partition] = event.position
  }
  const partitions = plan.partitions.map(({ slots }, i) => ({ slots, published: published[i]! }))
  return {
    parts: messages.flatMap((some, partition) =>
      some.length === 0 ? [] : [{ partition, messages: some }],
    ),
    next: { ...plan, partitions, position: page.through },
  }
}

/** Sends of bounded size, in order: at least one message each. Bytes are those on the wire. */
export function inSends(
  messages: readonly BusMessage[],
  limits: { readonly bytes: number; readonly messages: number },
): readonly (readonly BusMessage[])[] {
  const sends: BusMessage[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const message of messages) {
    const size = wireBytes(message)
    if (bytes + size > limits.bytes || sends.at(-1)!.length >= limits.messages) {
      sends.push([])
      bytes = 0
    }
    sends.at(-1)!.push(message)
    bytes += size
  }
  return sends
}

function lowest(partitions: readonly PartitionPlace[]): bigint {
  return partitions.reduce(
    (a, { published }) => (published < a ? published : a),
    partitions[0]!.published,
  )
}

function ownersOf(partitions: readonly PartitionPlace[]): Uint16Array {
  const owners = new Uint16Array(slotCount)
  for (const [partition, { slots }] of partitions.entries())
    owners.fill(partition, slots.from, slots.to + 1)
  return owners
}

/** Of a message's position, what the present history still holds: a restored log may have lost its end. */
function survivingPosition(bus: string, place: BusPlace, epochs: readonly LogEpoch[]): bigint {
  const at = epochs.findIndex((epoch) => historyText(epoch) === place.history)
  if (at === -1)
    throw new TailraceError(
      'BUS_FOREIGN',
      `expected the messages of "${bus}" to be of the log ${historyText(epochs.at(-1)!)}, got one of ${place.history}; give each log a topic of its own`,
      { details: { position: String(place.position), history: place.history } },
    )
  return epochs
    .slice(at + 1)
    .reduce(
      (position, { lastPosition }) => (lastPosition < position ? lastPosition : position),
      place.position,
    )
}

/** The position `count` events before another one; positions jump where a history begins. */
function before(position: bigint, count: bigint, epochs: readonly LogEpoch[]): bigint {
  let left = count
  let at = position
  for (const { firstPosition, lastPosition } of epochs.toReversed()) {
    if (at < firstPosition) continue
    if (at - firstPosition >= left) return at - left
    left -= at - firstPosition
    at = lastPosition
  }
  return at > left ? at - left : 0n
}
