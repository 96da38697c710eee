import type {
  Bus,
  BusDelivery,
  BusLayout,
  BusMessage,
  BusPlace,
  BusReceipt,
  BusSubscribe,
  BusSubscription,
  Clock,
} from 'tailrace/adapter'

/** How often what goes wrong, in 0 … 1. Default: never. */
export interface BusFaults {
  /** A message does not arrive. */
  readonly drop?: number
  /** A message arrives twice. */
  readonly duplicate?: number
  /** A message arrives after those that follow it. */
  readonly reorder?: number
  /** Messages arrive late, by up to `delayMs`. */
  readonly delay?: number
  readonly delayMs?: number
  /** A bit of a message's body is another one. */
  readonly damage?: number
  /** Publishing fails although the broker has everything: the answer is lost. */
  readonly lostReceipt?: number
  /** Publishing fails and the broker has only the first half. */
  readonly torn?: number
}

/** A bus that does to messages what networks and brokers do, by chance that comes from the clock. */
export class FaultyBus implements Bus {
  readonly kind = 'bus'
  /** What happens from now on. */
  faults: BusFaults
  readonly #inner: Bus
  readonly #clock: Clock

  constructor(inner: Bus, clock: Clock, faults: BusFaults = {}) {
    this.#inner = inner
    this.#clock = clock
    this.faults = faults
  }

  get name(): string {
    return this.#inner.name
  }

  get maxBytes(): number {
    return this.#inner.maxBytes
  }

  layout(): Promise<BusLayout> {
    return this.#inner.layout()
  }

  async publish(
    partition: number,
    messages: readonly BusMessage[],
    incarnation: string,
  ): Promise<BusReceipt> {
    const torn = this.#happens(this.faults.torn)
    const sent = torn ? messages.slice(0, messages.length >> 1) : messages
    const receipt =
      sent.length > 0 ? await this.#inner.publish(partition, sent, incarnation) : undefined
    if (torn || receipt === undefined || this.#happens(this.faults.lostReceipt))
      throw new Error('connection lost while publishing')
    return receipt
  }

  lastPublished(partition: number): Promise<BusPlace | undefined> {
    return this.#inner.lastPublished(partition)
  }

  subscribe(options: BusSubscribe): Promise<BusSubscription> {
    let held: BusDelivery[] = []
    return this.#inner.subscribe({
      ...options,
      onMessages: async (messages) => {
        const arriving: BusDelivery[] = []
        for (const message of messages) {
          if (this.#happens(this.faults.drop)) continue
          if (this.#happens(this.faults.reorder)) held.push(message)
          else arriving.push(this.#happens(this.faults.damage) ? damaged(message) : message)
          if (this.#happens(this.faults.duplicate)) arriving.push(message)
        }
        if (arriving.length > 1 || this.#happens(0.5)) {
          arriving.push(...held)
          held = []
        }
        if (this.#happens(this.faults.delay))
          await this.#clock.sleep(this.#clock.random() * (this.faults.delayMs ?? 20))
        if (arriving.length > 0) await options.onMessages(arriving)
      },
    })
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #happens(chance = 0): boolean {
    return chance > 0 && this.#clock.random() < chance
  }
}

function damaged({ headers, body }: BusDelivery): BusDelivery {
  const other = Uint8Array.from(body)
  other[other.length >> 1]! ^= 1
  return { headers, body: other }
}
