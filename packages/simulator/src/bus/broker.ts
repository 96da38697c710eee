import type { BusMessage } from 'tailrace/adapter'
import type { Server } from '../kernel/network.ts'
import type { Process } from '../kernel/process.ts'
import type { Random } from '../kernel/random.ts'
import type { Simulation } from '../kernel/simulation.ts'
import { SimTopic } from './topic.ts'

/** What a broker and the way from it to a reader do to messages, and what clients of it are like. */
export interface BusTuning {
  readonly partitions: number
  readonly maxBytes: number
  /** As `BusLayout.maxSendBytes`. */
  readonly maxSendBytes: number
  /** How often a client sends again by itself. */
  readonly retries: number
  /** Whether a send that was meant for an earlier incarnation of the topic is turned away. */
  readonly refusesStrangers: boolean
  /** How many messages before its position a subscription begins. */
  readonly slack: number
  /** Probability that a send is cut in the middle. */
  readonly torn: number
  /** Probabilities per message on its way to a reader. */
  readonly dropped: number
  readonly repeated: number
  readonly swapped: number
  readonly damaged: number
  /** Per delivery: how often it is held up, and for how long on average. */
  readonly heldUp: number
  readonly heldUpMs: number
}

/** A subscription, as the broker's side and the checks know it. */
export interface Reader {
  readonly process: Process
  readonly partition: number
}

/** A simulated broker with one topic, which several processes share. */
export class SimBroker {
  readonly simulation: Simulation
  readonly server: Server
  readonly tuning: BusTuning
  readonly topic: SimTopic
  readonly random: Random
  /** Everything that it was ever given, for checks. */
  readonly given: BusMessage[] = []
  /** Subscriptions that deliver. */
  readonly readers = new Set<Reader>()
  /** Connections that are open. */
  readonly clients = new Set<Process>()
  /** Messages handed to each process. */
  readonly delivered = new Map<Process, number>()
  /** Whose subscriptions deliver nothing, until when, without an error. */
  readonly still = new Map<string, number>()
  #changes = 0
  readonly #waiting = new Set<() => void>()

  constructor(simulation: Simulation, server: Server, tuning: BusTuning) {
    this.simulation = simulation
    this.server = server
    this.tuning = tuning
    this.topic = new SimTopic(tuning.partitions)
    this.random = simulation.random()
  }

  /** Grows with everything that happens to the topic. */
  get changes(): number {
    return this.#changes
  }

  /** Something happened to the topic. */
  changed(): void {
    this.#changes++
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Resolves, for a living process, when something happened after `since`. */
  untilChanged(since: number, process: Process): Promise<void> {
    const { kernel } = this.simulation
    return new Promise((resolve) => {
      const wake = (): void =>
        void kernel.after(this.random.spread(this.server.latencyMs), 'fetched', resolve, process)
      if (since !== this.#changes) return wake()
      this.#waiting.add(wake)
      process.onDeath(() => this.#waiting.delete(wake))
    })
  }

  crash(): void {
    this.server.up = false
  }

  recover(): void {
    this.server.up = true
    this.changed()
  }

  /** Subscriptions of a process, by partition. */
  partitionsReadBy(process: Process): number[] {
    return [...this.readers]
      .filter((reader) => reader.process === process)
      .map(({ partition }) => partition)
      .toSorted((a, b) => a - b)
  }
}
