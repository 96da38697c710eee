import {
  assertBodiesFit,
  bytesOfSend,
  TailraceError,
  type Bus,
  type BusLayout,
  type BusMessage,
  type BusPlace,
  type BusReceipt,
  type BusSubscribe,
  type BusSubscription,
} from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { SimBroker } from './broker.ts'
import { changed, closed, tooMuch } from './bus-errors.ts'
import { SimSubscription } from './sim-subscription.ts'

/** One process's connection to the simulated broker. */
export class SimBus implements Bus {
  readonly kind = 'bus'
  readonly name = 'sim:log'
  readonly maxBytes: number
  readonly #broker: SimBroker
  readonly #process: Process
  readonly #subscriptions = new Set<SimSubscription>()
  readonly #closing = Promise.withResolvers<never>()
  /** Where each partition's next message lands: a lower offset means that the topic is another one, or lost its end. */
  readonly #nextOffsets = new Map<number, number>()
  #incarnation: string | undefined
  #closed = false

  constructor(broker: SimBroker, process: Process) {
    this.#broker = broker
    this.#process = process
    this.maxBytes = broker.tuning.maxBytes
    this.#closing.promise.catch(() => undefined)
    broker.clients.add(process)
    process.onDeath(() => {
      broker.clients.delete(process)
      for (const one of this.#subscriptions) broker.readers.delete(one)
    })
  }

  async layout(): Promise<BusLayout> {
    const { topic, tuning } = this.#broker
    const layout = await this.#call('layout', false, () => ({
      partitions: topic.partitions,
      incarnation: topic.incarnation,
      maxSendBytes: tuning.maxSendBytes,
    }))
    if (layout.incarnation !== this.#incarnation) this.#nextOffsets.clear()
    this.#incarnation = layout.incarnation
    return layout
  }

  async publish(
    partition: number,
    messages: readonly BusMessage[],
    incarnation: string,
  ): Promise<BusReceipt> {
    this.#check()
    assertBodiesFit(messages, this.maxBytes)
    if (incarnation !== this.#incarnation) {
      this.#broker.simulation.marks.sometimes('somebody else saw first that a topic is another')
      throw changed('a topic made anew')
    }
    const first = await this.#send(partition, messages, incarnation)
    const expected = this.#nextOffsets.get(partition)
    if (expected !== undefined && first < expected) {
      this.#broker.simulation.marks.sometimes('a relay notices that offsets are given again')
      throw changed(`offset ${first} where ${expected} was the next`)
    }
    this.#nextOffsets.set(partition, first + messages.length)
    return { position: messages.at(-1)!.position }
  }

  async lastPublished(partition: number): Promise<BusPlace | undefined> {
    const { topic } = this.#broker
    const found = await this.#call('last published', false, () => {
      if (partition >= topic.partitions) throw changed(`no partition ${partition}`)
      return { place: topic.last(partition), next: topic.nextOffset(partition) }
    })
    this.#nextOffsets.set(partition, found.next)
    return found.place
  }

  async subscribe(options: BusSubscribe): Promise<BusSubscription> {
    const { topic, tuning } = this.#broker
    const { partition, after } = options
    const begin = await this.#call('subscribe', false, () => {
      if (partition >= topic.partitions) throw changed(`no partition ${partition}`)
      const offset = topic.offsetAfter(partition, after) - tuning.slack
      return {
        offset: Math.max(topic.firstOffset(partition), offset),
        incarnation: topic.incarnation,
      }
    })
    this.#check()
    const subscription = new SimSubscription({
      ...options,
      broker: this.#broker,
      process: this.#process,
      ...begin,
      onEnd: () => this.#subscriptions.delete(subscription),
    })
    this.#subscriptions.add(subscription)
    return subscription
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#closing.reject(closed())
    this.#broker.clients.delete(this.#process)
    await Promise.all([...this.#subscriptions].map((one) => one.close()))
  }

  /** Sends until there is an answer, so often. The offset of the first message. */
  async #send(
    partition: number,
    messages: readonly BusMessage[],
    meantFor: string,
  ): Promise<number> {
    for (let left = this.#broker.tuning.retries; ; left--) {
      try {
        return await this.#call('publish', true, () => this.#append(partition, messages, meantFor))
      } catch (error) {
        if (left === 0 || !(error instanceof TailraceError) || error.code !== 'UNAVAILABLE')
          throw error
        await this.#unlessClosed(this.#pause(20))
      }
    }
  }

  /** What the broker does with a send, whenever it comes. */
  #append(partition: number, messages: readonly BusMessage[], meantFor: string): number {
    const { topic, tuning, random, simulation, given } = this.#broker
    if (partition >= topic.partitions) throw changed(`no partition ${partition}`)
    if (meantFor !== topic.incarnation) {
      simulation.marks.sometimes('a send was meant for an earlier topic')
      if (tuning.refusesStrangers) throw changed('a topic made anew')
    }
    const bytes = bytesOfSend(messages)
    if (bytes > tuning.maxSendBytes) throw tooMuch(bytes, tuning.maxSendBytes)
    const torn = random.chance(tuning.torn) && simulation.faults.happens('torn', 'bus')
    const sent = torn ? messages.slice(0, messages.length >> 1) : messages
    given.push(...sent)
    const first = topic.append(partition, sent, meantFor)
    simulation.say(
      'bus',
      () => `partition ${partition} gets ${sent.map(textOf).join(' ')} of ${this.#process.name}`,
    )
    this.#broker.changed()
    if (torn) throw new NoAnswer('bus', true)
    return first
  }

  async #call<T>(name: string, writes: boolean, effect: () => T): Promise<T> {
    this.#check()
    const { server, simulation } = this.#broker
    try {
      return await this.#unlessClosed(
        simulation.network.call({ process: this.#process, server, name, writes, effect }),
      )
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      throw new TailraceError('UNAVAILABLE', `expected an answer of the bus, got none`, {
        cause: error,
        retryable: true,
      })
    }
  }

  #unlessClosed<T>(call: Promise<T>): Promise<T> {
    return Promise.race([call, this.#closing.promise])
  }

  #pause(ms: number): Promise<void> {
    const { kernel } = this.#broker.simulation
    return new Promise((resolve) => void kernel.after(ms, 'send again', resolve, this.#process))
  }

  #check(): void {
    if (this.#closed) throw closed()
  }
}

function textOf({ position, prevPosition }: BusMessage): string {
  return `${position} after ${prevPosition},`
}
