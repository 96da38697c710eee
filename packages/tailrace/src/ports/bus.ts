import type { SlotRange } from './event-log.ts'

/**
 * Carries the log to those who do not read the database: other processes, other teams, other languages. The log stays the
 * truth. A bus may repeat, delay, lose or forget messages; whoever reads it notices by their positions, and the engine
 * heals itself from the log.
 *
 * A bus has partitions, each of which owns a range of slots and keeps the order in which it got its messages. All calls may
 * be made at the same time; for one partition, `publish` is called again only after it has settled.
 */
export interface Bus {
  readonly kind: 'bus'
  /** For messages, status and the relay's lease, such as `kafka:orders`: the same in every process, other for each topic. */
  readonly name: string
  /** The largest body, in bytes, that a message may have. */
  readonly maxBytes: number
  /**
   * Looks at the broker, never at a memory of it: connects where that is due, makes what is missing, checks what is there.
   * Throws `BUS_UNSUITABLE` for settings that lose messages, `UNAVAILABLE` when nothing answers within a bound.
   */
  layout(): Promise<BusLayout>
  /**
   * Appends messages to a partition, in their order, and resolves when the broker has them as safely as it ever will. After a
   * rejection any part of them may have arrived: ask `lastPublished`. Waits for a broker that fails, within a bound.
   * `incarnation` is that of the `layout` for which they were made; others may have asked for a newer one since.
   * Throws `MESSAGE_INVALID` for a body above `maxBytes`, `UNAVAILABLE`, and `BUS_CHANGED` when the topic is not that one, or has no such partition.
   * Throws `BUS_UNSUITABLE` when all of it together is too large, and nothing has arrived: in smaller sends it may pass.
   */
  publish(
    partition: number,
    messages: readonly BusMessage[],
    incarnation: string,
  ): Promise<BusReceipt>
  /**
   * What the last message of a partition says of itself; undefined when the partition holds none that was published to this
   * incarnation of it. Looks at the broker.
   */
  lastPublished(partition: number): Promise<BusPlace | undefined>
  /**
   * Delivers what a partition holds after a position, and goes on with what comes. In the order of the partition, each at
   * least once; messages at or before the position may come too, and what the broker has dropped does not. Waits for a
   * broker that fails. Resolves when it is reading. Throws like `layout`.
   */
  subscribe(options: BusSubscribe): Promise<BusSubscription>
  /** Ends subscriptions, gives up what is being sent and closes connections. May be called twice. */
  close(): Promise<void>
}

export interface BusLayout {
  readonly partitions: number
  /** Changes when the topic was deleted and made anew: what was published before is gone. */
  readonly incarnation: string
  /**
   * How long the broker keeps a message, counted from its `atMs`, milliseconds: what is older is not published to an empty
   * partition, from which it would go at once. Absent: as long as it can, or by another count.
   */
  readonly keepsMs?: number | undefined
  /**
   * The most that the messages of one `publish` may have together, in bytes as `wireBytes` counts them; so it bounds a single
   * message too, with its key and headers. Absent: nothing but `maxBytes` bounds them.
   */
  readonly maxSendBytes?: number | undefined
}

/** Where a message stands. Of the slots `slots`, the log holds nothing between `prevPosition` and `position`. */
export interface BusPlace {
  readonly position: bigint
  /** Of the event before it among `slots`, or any position up to which these slots were published; 0 before the first. */
  readonly prevPosition: bigint
  readonly slot: number
  /** The slots that its partition owned when it was published. */
  readonly slots: SlotRange
  /** History of the log that it belongs to: `<system id>/<epoch>`. */
  readonly history: string
}

/** One event as it goes over the wire. Positions ascend within a `publish`. */
export interface BusMessage extends BusPlace {
  /** `<aggregate>/<stream>`: for brokers that route or compact by key. */
  readonly key: string
  /** When the event was recorded, milliseconds since 1970. */
  readonly atMs: number
  /** Texts, to be carried beside the body and delivered with it. */
  readonly headers: Readonly<Record<string, string>>
  /** A CloudEvent as JSON text. */
  readonly body: string
}

export interface BusReceipt {
  /** The last position that the broker holds of what was published. */
  readonly position: bigint
}

/** A message as it came from the wire: nothing in it is trusted yet. */
export interface BusDelivery {
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

export interface BusSubscribe {
  readonly partition: number
  readonly after: bigint
  /** Called again only after it has resolved: a handler that takes its time slows the reading down. Must not reject. */
  readonly onMessages: (messages: readonly BusDelivery[]) => Promise<void>
}

export interface BusSubscription {
  /**
   * Resolves when it delivers no more: undefined after `close`, else what ended it, such as `BUS_CHANGED` for a partition
   * that was trimmed beyond it or made anew. Never rejects.
   */
  readonly ended: Promise<Error | undefined>
  /** Resolves at once, also while a handler is running, which is not called again. May be called twice. */
  close(): Promise<void>
}
