import { systemActor, type Engine } from 'tailrace'
import type { Offers } from '../offers.ts'
import { Agenda } from './agenda.ts'
import { arrivalsInStep, arrivalsPerStep } from './distributions.ts'
import { orderLife, type Action } from './order-life.ts'
import { Random } from './random.ts'

export interface TrafficOptions {
  readonly engine: Engine
  readonly offers: Offers
  readonly seed: number
  /** Orders per minute. */
  readonly rate: number
  /** How long lives take: 0.1 is ten times as fast. Default: 1, minutes to an hour. */
  readonly pace?: number
}

export interface TrafficCounts {
  readonly sent: number
  readonly committed: number
  /** By code: rejections, refusals and errors. Few are expected. */
  readonly failed: Readonly<Record<string, number>>
  /** Orders and steps that were given up because too much was under way. */
  readonly dropped: number
}

export interface Traffic {
  counts(): TrafficCounts
  /** Sends nothing more and waits for what is under way. */
  stop(): Promise<void>
}

const tickMs = 20
const agendaMax = 500_000
const underWayMax = 2_000
/** After a pause of the process, at most so much is made up for. */
const catchUpMaxMs = 2_000

/** Starts to place orders at the given rate and lets each live its life, as its customer and sellers. */
export function startTraffic({ engine, offers, seed, rate, pace = 1 }: TrafficOptions): Traffic {
  const random = new Random(seed)
  const agenda = new Agenda<Action>(agendaMax)
  const sender = new Sender(engine)
  let last = Date.now()
  let steps = 0
  const tick = (): void => {
    const now = Date.now()
    steps += (Math.min(now - last, catchUpMaxMs) / 60_000) * (rate / arrivalsPerStep)
    last = now
    for (; steps >= 1; steps--) {
      for (let orders = arrivalsInStep(random); orders > 0; orders--) {
        if (!agenda.add(orderLife({ random, offers, at: now, pace }))) sender.drop()
      }
    }
    for (const action of agenda.due(now)) sender.send(action)
  }
  const timer = setInterval(tick, tickMs)
  return {
    counts: () => sender.counts(),
    stop: async () => {
      clearInterval(timer)
      await sender.settled()
    },
  }
}

const historyMs = 5 * 24 * 3_600_000
/** In the past an order takes a day or two. */
const historyPace = 300

/** Gives a new system a past: orders of the last five days, told by the system with the time at which each thing happened. */
export async function tellHistory(
  options: Omit<TrafficOptions, 'rate' | 'pace'> & { readonly orders: number },
): Promise<TrafficCounts> {
  const { engine, offers, seed, orders } = options
  const random = new Random(seed)
  const now = Date.now()
  const sender = new Sender(engine)
  for (let i = 0; i < orders; i++) {
    const at = now - Math.round(historyMs * (1 - i / orders))
    const life = orderLife({ random, offers, at, pace: historyPace }).toSorted(
      (a, b) => a.at - b.at,
    )
    await sender.room()
    sender.tell(life.filter((action) => action.at < now))
  }
  await sender.settled()
  return sender.counts()
}

class Sender {
  readonly #engine: Engine
  readonly #underWay = new Set<Promise<void>>()
  readonly #failed = new Map<string, number>()
  #sent = 0
  #committed = 0
  #dropped = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  send({ command, input, actor }: Action): void {
    if (this.#underWay.size >= underWayMax) this.drop()
    else this.#track(this.#run(command, input, actor))
  }

  /** Sends the steps of one order after each other, as the system, with the times at which they happened. */
  tell(life: readonly Action[]): void {
    const tellAll = async (): Promise<void> => {
      for (const { command, input, at } of life) {
        const occurredAt = new Date(Math.round(at)).toISOString()
        await this.#run(command, { ...input, occurredAt }, systemActor)
      }
    }
    this.#track(tellAll())
  }

  drop(): void {
    this.#dropped += 1
  }

  /** Resolves when less than a hundred are under way. */
  async room(): Promise<void> {
    while (this.#underWay.size >= 100) await Promise.race(this.#underWay)
  }

  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  counts(): TrafficCounts {
    return {
      sent: this.#sent,
      committed: this.#committed,
      failed: Object.fromEntries(this.#failed),
      dropped: this.#dropped,
    }
  }

  #track(running: Promise<void>): void {
    const tracked = running.finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }

  async #run(command: string, input: Action['input'], actor: Action['actor']): Promise<void> {
    this.#sent += 1
    try {
      const outcome = await this.#engine.command(command, input, { actor })
      if (outcome.kind === 'committed') this.#committed += 1
      else this.#fail(outcome.code)
    } catch (error) {
      this.#fail((error as { code?: string }).code ?? (error as Error).name)
    }
  }

  #fail(code: string): void {
    this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1)
  }
}
