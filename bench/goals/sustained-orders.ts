import { http } from '@tailrace/http'
import type { Engine } from 'tailrace'
import { OrderStatus } from '../../systems/orders/read/order-status.ts'
import { seededOffers } from '../../systems/orders/seeded-offers.ts'
import { startTraffic } from '../../systems/orders/traffic/traffic.ts'
import { httpLoad } from '../engines/http-load.ts'
import type { Lab } from '../engines/lab.ts'
import { quantile } from '../harness/closed-loop.ts'
import { cpuSeconds } from '../harness/cpu-time.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { startOrderSystem, type OrderSystem } from '../workloads/order-system.ts'

const ordersPerMinute = 10_000
const readsPerMinute = 500_000
const minuteMs = 60_000
/** Lives of a minute or so: a run of ten minutes holds as many at once as it will ever hold. */
const lifePace = 0.1
let seeds = 16

/** Whether a command of the traffic is sent. */
type Sends = (command: string) => boolean

/**
 * The order system at its peak: so many orders are placed per minute, and every read model follows. `S1.life` lets each
 * of them live its life too (paid, shipped in parts, delivered, cancelled, returned), which is eight commands an order.
 */
export const sustainedOrders: readonly Goal[] = [
  goalOf('S1', 'placed', (command) => command === 'placeOrder', {}),
  goalOf('S1.life', 'placed and living their lives', () => true, { onRequest: true }),
]

function goalOf(id: string, what: string, sends: Sends, more: Pick<Goal, 'onRequest'>): Goal {
  return {
    id,
    name: `${ordersPerMinute.toLocaleString('en')} orders/min ${what} while the status store serves ${readsPerMinute.toLocaleString('en')} reads/min`,
    unit: 'orders/min',
    // Arrivals are random: over a minute their number varies by one or two in a hundred.
    target: 0.97,
    sense: 'at-least',
    ceilingName: 'what is asked',
    limits: {
      'command p99': { atMost: 50 },
      'lag order p99': { atMost: 200 },
      'lag status p99': { atMost: 200 },
      'reads/min': { atLeast: readsPerMinute * 0.99 },
      failed: { atMost: 0 },
    },
    rounds: 1,
    ...more,
    async prepare(lab) {
      const system = await startOrderSystem(lab, { http: http({ port: 0 }) })
      return {
        product: (round) =>
          sustain(lab, system, sends, round === -1 ? 5_000 : lab.minutes * minuteMs),
        ceiling: async () => ({ value: ordersPerMinute, cpuUsPerOp: 0 }),
        close: () => system.running.stop(),
      } satisfies PreparedGoal
    },
  }
}

async function sustain(
  lab: Lab,
  system: OrderSystem,
  sends: Sends,
  forMs: number,
): Promise<Measured> {
  const probe = new Probe(system.running.engine, sends)
  const before = cpuSeconds(lab.serverPids())
  const began = performance.now()
  const traffic = startTraffic({
    engine: probe.engine,
    offers: seededOffers(),
    // Another one than the warm-up's: the same seed makes the same orders, which exist by then.
    seed: (seeds += 1),
    rate: ordersPerMinute,
    pace: lifePace,
  })
  const reads = new Reads(await readerOf(system), probe.orderIds)
  await new Promise((resolve) => setTimeout(resolve, forMs))
  const minutes = (performance.now() - began) / minuteMs
  const { placed, readsDone } = { placed: probe.placed, readsDone: reads.stop() }
  const cpu = cpuSeconds(lab.serverPids()) - before
  const commands = traffic.counts().committed
  // Orders go on while HTTP is asked.
  const overHttp = await httpReads(lab, system, probe.orderIds)
  await traffic.stop()
  const { failed, dropped } = traffic.counts()
  const { [notSent.code]: _, ...trouble } = failed
  const sum = Object.values(trouble).reduce((a, b) => a + b, dropped)
  return {
    value: placed / minutes,
    cpuUsPerOp: (cpu * 1e6) / commands,
    also: {
      'commands/min': commands / minutes,
      ...probe.figures(),
      'reads/min': readsDone / minutes,
      'HTTP reads/min': overHttp.perMinute,
      'HTTP read p99': overHttp.p99,
      failed: sum,
      'cores used': cpu / (minutes * 60),
    },
  }
}

const notSent = { kind: 'refused', code: 'COMMAND_UNKNOWN', message: 'not sent' } as const

/** Every how many commands somebody asks for what was written, with the token in hand. */
const askEvery = 20
const rememberedMax = 20_000

/** Times the commands of the traffic, and how long it takes until queries show them. */
class Probe {
  readonly engine: Engine
  readonly orderIds: string[] = []
  placed = 0
  readonly #engine: Engine
  readonly #sends: Sends
  readonly #latencies: number[] = []
  readonly #lags = { order: [] as number[], orderStatus: [] as number[] }
  #commands = 0

  constructor(engine: Engine, sends: Sends) {
    this.#engine = engine
    this.#sends = sends
    this.engine = {
      ...engine,
      command: (name, input, options) => this.#command(name, input, options),
    }
  }

  figures(): Record<string, number> {
    const of = (list: readonly number[], share: number): number =>
      quantile(
        list.toSorted((a, b) => a - b),
        share,
      )
    const { order, orderStatus } = this.#lags
    return {
      'command p50': of(this.#latencies, 0.5),
      'command p99': of(this.#latencies, 0.99),
      'lag order p50': of(order, 0.5),
      'lag order p99': of(order, 0.99),
      'lag status p50': of(orderStatus, 0.5),
      'lag status p99': of(orderStatus, 0.99),
    }
  }

  async #command(
    ...[name, input, options]: Parameters<Engine['command']>
  ): ReturnType<Engine['command']> {
    if (!this.#sends(name)) return notSent
    const sent = performance.now()
    const outcome = await this.#engine.command(name, input, options)
    this.#latencies.push(performance.now() - sent)
    if (outcome.kind === 'committed') {
      if (name === 'placeOrder') this.#remember(outcome.aggregateId)
      if (this.#commands++ % askEvery === 0) {
        void this.#ask('order', outcome.aggregateId, outcome.token)
        void this.#ask('orderStatus', outcome.aggregateId, outcome.token)
      }
    }
    return outcome
  }

  #remember(orderId: string): void {
    this.orderIds[this.placed % rememberedMax] = orderId
    this.placed++
  }

  /** From the answer to the command until a query has its effect. */
  async #ask(query: 'order' | 'orderStatus', orderId: string, token: string): Promise<void> {
    const asked = performance.now()
    const answer = await this.#engine
      .query(query, { orderId }, { actor: support, tokens: [token] })
      .catch(() => undefined)
    const missing = answer?.kind !== 'answer' || answer.meta.stale || answer.data === null
    // What did not come in time counts as a minute.
    this.#lags[query].push(missing ? minuteMs : performance.now() - asked)
  }
}

const support = { role: 'support', id: 'sam' }

type StatusReader = { get(key: string): Promise<unknown> }

async function readerOf({ statusStore, running }: OrderSystem): Promise<StatusReader> {
  await running.engine.ready()
  const opened = await statusStore.open(OrderStatus, historyText)
  return opened.reader() as unknown as StatusReader
}

/** Only writes look at it. */
const historyText = '0000000000000000/1'

const tickMs = 5

/** Reads the status of orders from the store, evenly over time. */
class Reads {
  readonly #timer: NodeJS.Timeout
  readonly #began = performance.now()
  #asked = 0
  #done = 0

  constructor(reader: StatusReader, orderIds: readonly string[]) {
    this.#timer = setInterval(() => {
      if (orderIds.length === 0) return
      const due = ((performance.now() - this.#began) / minuteMs) * readsPerMinute
      for (; this.#asked < due; this.#asked++) {
        void reader.get(orderIds[(this.#asked * 7_919) % orderIds.length]!).then(() => this.#done++)
      }
    }, tickMs)
  }

  stop(): number {
    clearInterval(this.#timer)
    return this.#done
  }
}

async function httpReads(
  lab: Lab,
  { running }: OrderSystem,
  orderIds: readonly string[],
): Promise<{ readonly perMinute: number; readonly p99: number }> {
  const { port } = new URL(running.url!)
  const { answered, seconds, latencies } = await httpLoad({
    port: Number(port),
    connections: 32,
    seconds: lab.seconds,
    requests: orderIds
      .slice(0, 2_000)
      .map(
        (orderId) =>
          `GET /queries/orderStatus?input=${encodeURIComponent(JSON.stringify({ orderId }))} HTTP/1.1\r\n` +
          `host: 127.0.0.1:${port}\r\nauthorization: Bearer demo:support:sam\r\n\r\n`,
      ),
  })
  return { perMinute: (answered / seconds) * 60, p99: quantile(latencies, 0.99) }
}
