import { isTailraceError, readPlace, type BusDelivery, type BusPlace } from 'tailrace/adapter'
import { Process } from '../kernel/process.ts'
import type { Database } from '../server/database.ts'
import { historyOf } from '../server/logged-events.ts'
import type { SimBroker } from './broker.ts'
import { SimBus } from './sim-bus.ts'

/** What the other team has taken: of one history, each slot up to a position. */
export interface Taken {
  readonly history: string
  /** By slot: everything of it up to here was taken. */
  readonly have: bigint[]
  /** By slot, in the order of taking. */
  readonly positions: bigint[][]
}

const slots = 256

/**
 * Another team's reader: it reads the topic as the documentation says, with nothing but what stands in the messages, and
 * shares no code with the engine's. It writes what it takes and how far it is in one transaction, and is killed now and then.
 */
export class OtherTeam {
  taken: Taken | undefined
  readonly #broker: SimBroker
  readonly #database: Database

  constructor(broker: SimBroker, database: Database) {
    this.#broker = broker
    this.#database = database
  }

  /** Lives, dies and comes back for ever. */
  start(): void {
    const { kernel } = this.#broker.simulation
    const process = new Process('other team')
    void this.#live(process)
    kernel.after(this.#broker.random.spread(1_500), 'crash', () => {
      if (this.#broker.simulation.faults.happens('crash', 'other team')) process.die()
    })
  }

  async #live(process: Process): Promise<void> {
    const { simulation } = this.#broker
    const bus = new SimBus(this.#broker, process)
    process.onDeath(() => simulation.kernel.after(50, 'other team', () => this.start()))
    for (;;) {
      try {
        await this.#follow(bus, process)
      } catch (error) {
        simulation.say('other team', () => String(error))
      }
      await this.#pause(60, process)
    }
  }

  async #follow(bus: SimBus, process: Process): Promise<void> {
    const layout = await bus.layout()
    let ended = false
    const after = this.taken?.have.reduce((a, b) => (b < a ? b : a)) ?? 0n
    const opened = await Promise.allSettled(
      Array.from({ length: layout.partitions }, (_, partition) =>
        bus.subscribe({
          partition,
          after,
          onMessages: async (messages) => {
            for (const message of messages) this.#arrived(message)
          },
        }),
      ),
    )
    const subscriptions = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    if (subscriptions.length < opened.length) ended = true
    for (const one of subscriptions) void one.ended.then(() => (ended = true))
    while (!ended) {
      await this.#pause(150, process)
      const now = await bus.layout()
      if (now.incarnation !== layout.incarnation || now.partitions !== layout.partitions) break
    }
    await Promise.all(subscriptions.map((one) => one.close()))
  }

  #arrived({ headers }: BusDelivery): void {
    const { marks } = this.#broker.simulation
    let place: BusPlace
    try {
      place = readPlace(headers)
    } catch (error) {
      if (isTailraceError(error)) return
      throw error
    }
    if (this.taken === undefined || isNewer(place.history, this.taken.history)) {
      if (this.taken !== undefined) marks.sometimes('another team begins anew with a new history')
      this.taken = nothingOf(place.history)
    }
    const { taken } = this
    if (place.history !== taken.history || place.position <= taken.have[place.slot]!) return
    for (let slot = place.slots.from; slot <= place.slots.to; slot++)
      if (taken.have[slot]! < place.prevPosition) {
        marks.sometimes('another team notices a gap')
        if (!this.#heal(taken, place)) return
        break
      }
    taken.positions[place.slot]!.push(place.position)
    for (let slot = place.slots.from; slot <= place.slots.to; slot++)
      if (taken.have[slot]! < place.position) taken.have[slot] = place.position
  }

  /** Asks the log for what a message says was before it. Whether the log is still that of the message. */
  #heal({ history, have, positions }: Taken, place: BusPlace): boolean {
    const { state } = this.#database
    if (historyOf(state) !== history) return false
    for (const { position, row } of state.sequenced) {
      const { slot } = row
      if (slot < place.slots.from || slot > place.slots.to) continue
      if (position > have[slot]! && position <= place.prevPosition) positions[slot]!.push(position)
    }
    for (let slot = place.slots.from; slot <= place.slots.to; slot++)
      if (have[slot]! < place.prevPosition) have[slot] = place.prevPosition
    return true
  }

  #pause(ms: number, process: Process): Promise<void> {
    const { kernel } = this.#broker.simulation
    return new Promise((resolve) => void kernel.after(ms, 'other team', resolve, process))
  }
}

function nothingOf(history: string): Taken {
  return {
    history,
    have: Array.from({ length: slots }, () => 0n),
    positions: Array.from({ length: slots }, () => []),
  }
}

function isNewer(history: string, than: string): boolean {
  return Number(history.split('/')[1]) > Number(than.split('/')[1])
}
