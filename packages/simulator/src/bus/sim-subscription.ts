import {
  TailraceError,
  type BusDelivery,
  type BusSubscribe,
  type BusSubscription,
} from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Reader, SimBroker } from './broker.ts'
import { changed } from './bus-errors.ts'
import type { Entry } from './topic.ts'

export interface SimSubscriptionOptions extends BusSubscribe {
  readonly broker: SimBroker
  readonly process: Process
  readonly offset: number
  readonly incarnation: string
  readonly onEnd: () => void
}

interface Fetched {
  readonly entries: readonly Entry[]
  readonly changes: number
}

const retryMs = 30

/** Reads one partition from an offset on. On the way to the handler, messages meet what networks and brokers do to them. */
export class SimSubscription implements BusSubscription, Reader {
  readonly ended: Promise<Error | undefined>
  readonly process: Process
  readonly partition: number
  readonly #options: SimSubscriptionOptions
  readonly #settle: (why: Error | undefined) => void
  #offset: number
  /** Messages that others overtake. */
  #overtaken: BusDelivery[] = []
  #over = false

  constructor(options: SimSubscriptionOptions) {
    this.#options = options
    this.process = options.process
    this.partition = options.partition
    this.#offset = options.offset
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.ended = promise
    this.#settle = resolve
    options.broker.readers.add(this)
    void this.#run()
  }

  async close(): Promise<void> {
    this.#finish(undefined)
  }

  async #run(): Promise<void> {
    const { broker } = this.#options
    while (!this.#over) {
      try {
        await this.#standStill()
        const { entries, changes } = await this.#fetch()
        if (this.#over) return
        if (entries.length === 0) await broker.untilChanged(changes, this.process)
        else await this.#deliver(entries)
      } catch (error) {
        if (error instanceof NoAnswer) await this.#pause(retryMs)
        else if (error instanceof TailraceError) return this.#finish(error)
        else throw error
      }
    }
  }

  #fetch(): Promise<Fetched> {
    const { broker, incarnation } = this.#options
    const { topic, server, simulation } = broker
    return simulation.network.call({
      process: this.process,
      server,
      name: 'fetch',
      writes: false,
      effect: () => {
        if (topic.incarnation !== incarnation) throw changed('a topic made anew')
        const entries = topic.from(this.partition, this.#offset)
        if (entries !== undefined) return { entries, changes: broker.changes }
        simulation.marks.sometimes('a subscription stands where a partition has nothing')
        throw changed(`no offset ${this.#offset} in partition ${this.partition}`)
      },
    })
  }

  async #deliver(entries: readonly Entry[]): Promise<void> {
    const { broker, onMessages } = this.#options
    const { heldUp, heldUpMs } = broker.tuning
    const arriving = this.#onTheWay(entries.map(({ delivery }) => delivery))
    if (this.#happens('heldUp', heldUp)) await this.#pause(broker.random.spread(heldUpMs))
    this.#offset = entries.at(-1)!.offset + 1
    if (this.#over || arriving.length === 0) return
    broker.delivered.set(this.process, (broker.delivered.get(this.process) ?? 0) + arriving.length)
    await onMessages(arriving)
  }

  #onTheWay(messages: readonly BusDelivery[]): BusDelivery[] {
    const { dropped, repeated, swapped, damaged } = this.#options.broker.tuning
    const overtaken = this.#overtaken
    this.#overtaken = []
    const arriving: BusDelivery[] = []
    for (const message of messages) {
      if (this.#happens('dropped', dropped)) continue
      if (this.#happens('swapped', swapped)) this.#overtaken.push(message)
      else arriving.push(this.#happens('damaged', damaged) ? this.#damaged(message) : message)
      if (this.#happens('repeated', repeated)) arriving.push(message)
    }
    return [...arriving, ...overtaken]
  }

  /** One bit of it is another one. */
  #damaged({ headers, body }: BusDelivery): BusDelivery {
    const other = Uint8Array.from(body)
    other[this.#options.broker.random.below(other.length)]! ^=
      1 << this.#options.broker.random.below(8)
    return { headers, body: other }
  }

  #happens(kind: string, rate: number): boolean {
    const { random, simulation } = this.#options.broker
    return rate > 0 && random.chance(rate) && simulation.faults.happens(kind, this.process.name)
  }

  /** A subscription that seems to be alive and brings nothing. */
  async #standStill(): Promise<void> {
    const { still, simulation } = this.#options.broker
    for (;;) {
      const until = still.get(this.process.name) ?? 0
      if (until <= simulation.kernel.nowMs) return
      simulation.marks.sometimes('a subscription brings nothing and does not end')
      await this.#pause(Math.min(50, until - simulation.kernel.nowMs))
    }
  }

  #finish(why: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#options.broker.readers.delete(this)
    this.#options.onEnd()
    this.#settle(why)
  }

  #pause(ms: number): Promise<void> {
    const { kernel } = this.#options.broker.simulation
    return new Promise((resolve) => void kernel.after(ms, 'subscription', resolve, this.process))
  }
}
