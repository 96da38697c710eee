import {
  isTailraceError,
  readPlace,
  type BusDelivery,
  type BusMessage,
  type BusPlace,
} from 'tailrace/adapter'

/** A message as a partition holds it. */
export interface Entry {
  readonly offset: number
  /** The incarnation of the topic that its sender meant. */
  readonly meantFor: string
  /** Where it says that it stands; undefined when it says nothing that can be read. */
  readonly place: BusPlace | undefined
  readonly delivery: BusDelivery
}

interface Partition {
  entries: Entry[]
  /** Offset of the next message. */
  next: number
  /** Positions that it was ever given in this incarnation, also those that it has lost since. */
  readonly given: Set<bigint>
}

/** Entries handed out at once. */
const fetchMax = 50

/**
 * What a broker holds: partitions of numbered messages. It keeps what it says it has until retention, a hand or an election
 * takes it away; then offsets are given a second time, and nobody is told.
 */
export class SimTopic {
  #partitions: Partition[]
  #made = 1

  constructor(partitions: number) {
    this.#partitions = emptyPartitions(partitions)
  }

  get partitions(): number {
    return this.#partitions.length
  }

  /** Another one after the topic was deleted and made anew. */
  get incarnation(): string {
    return String(this.#made)
  }

  /** Appends messages, and returns the offset of the first one. */
  append(partition: number, messages: readonly BusMessage[], meantFor: string): number {
    const found = this.#partition(partition)
    const first = found.next
    for (const { headers, body } of messages) {
      const delivery = { headers: new Map(Object.entries(headers)), body: Buffer.from(body) }
      const place = placeOf(delivery)
      found.entries.push({ offset: found.next++, meantFor, place, delivery })
      if (place !== undefined && meantFor === this.incarnation) found.given.add(place.position)
    }
    return first
  }

  /** Entries from an offset on; undefined when it lies before the oldest or beyond the next one. */
  from(partition: number, offset: number): readonly Entry[] | undefined {
    const { entries, next } = this.#partition(partition)
    const first = entries[0]?.offset ?? next
    if (offset < first || offset > next) return undefined
    return entries.slice(offset - first, offset - first + fetchMax)
  }

  /** The last message that was meant for this incarnation. */
  last(partition: number): BusPlace | undefined {
    return this.#partition(partition).entries.findLast(
      ({ place, meantFor }) => place !== undefined && meantFor === this.incarnation,
    )?.place
  }

  nextOffset(partition: number): number {
    return this.#partition(partition).next
  }

  /** The offset of the oldest message. */
  firstOffset(partition: number): number {
    const { entries, next } = this.#partition(partition)
    return entries[0]?.offset ?? next
  }

  /** The offset of the first message after a position. */
  offsetAfter(partition: number, after: bigint): number {
    const { entries, next } = this.#partition(partition)
    return (
      entries.find(({ place }) => place !== undefined && place.position > after)?.offset ?? next
    )
  }

  /** Whether a partition was ever given a position. */
  wasGiven(partition: number, position: bigint): boolean {
    return this.#partition(partition).given.has(position)
  }

  /** Drops the oldest messages of each partition, as retention does. */
  trim(keep: number): void {
    for (const partition of this.#partitions)
      partition.entries = keep === 0 ? [] : partition.entries.slice(-keep)
  }

  /** Drops the newest messages of a partition, though they were confirmed. How many there were. */
  loseTail(partition: number, most: number): number {
    const found = this.#partition(partition)
    const lost = Math.min(most, found.entries.length)
    found.entries = found.entries.slice(0, found.entries.length - lost)
    found.next -= lost
    return lost
  }

  /** Deletes it and makes it anew, empty. */
  recreate(partitions: number): void {
    this.#partitions = emptyPartitions(partitions)
    this.#made++
  }

  /** Adds empty partitions. */
  grow(partitions: number): void {
    this.#partitions.push(...emptyPartitions(partitions - this.#partitions.length))
  }

  #partition(partition: number): Partition {
    const found = this.#partitions[partition]
    if (found === undefined) throw new Error(`no partition ${partition}`)
    return found
  }
}

function emptyPartitions(count: number): Partition[] {
  return Array.from({ length: Math.max(0, count) }, () => ({
    entries: [],
    next: 0,
    given: new Set(),
  }))
}

function placeOf({ headers }: BusDelivery): BusPlace | undefined {
  try {
    return readPlace(headers)
  } catch (error) {
    if (isTailraceError(error)) return undefined
    throw error
  }
}
