import { isTailraceError } from '../errors.ts'
import { slotCount } from '../log/slot.ts'
import type { Bus, BusDelivery, BusLayout, BusSubscription } from '../ports/bus.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog, LogPage, LogRead } from '../ports/event-log.ts'
import { errorText } from '../project/fold-batch.ts'
import { historyText } from '../project/inspect-version.ts'
import type { Tail } from '../project/log-tail.ts'
import { retryDelayMs } from '../project/retry-delay.ts'
import { WakeSignal } from '../project/wake-signal.ts'
import { BusWindow, doubtDefaults, type Doubt, type DoubtSettings } from './bus-window.ts'
import { decodeMessage, type DecodedMessage } from './decode-message.ts'

export interface BusTailOptions {
  readonly bus: Bus
  readonly log: EventLog
  /** Event types that anyone reads. */
  readonly types: readonly string[]
  readonly clock: Clock
  /** Something can be read that could not be before. */
  readonly onGrown: () => void
  readonly settings?: Partial<DoubtSettings>
}

/** What a process says about the bus as its source of events. */
export interface BusSourceStatus {
  readonly connected: boolean
  /** How far it is known what the log holds, decimal; absent before the first look. */
  readonly position?: string
  readonly messages: Readonly<Record<'applied' | 'duplicate' | 'refused' | 'invalid', number>>
  /** How often the log gave what the bus should have brought, by what gave it away. */
  readonly gapsHealed: Readonly<Record<Exclude<Doubt, 'behind'>, number>>
  /** Reads of the log in all. */
  readonly logReads: number
  readonly waiting?: string
  readonly lastError?: string
}

/** Events read from the log at once. */
const fetchMax = 1_000
/** How often the broker is asked whether its partitions are still the same. */
const layoutEveryMs = 1_000

/**
 * The end of the log as a bus brings it, for all projections of a process. Whoever is near the head is served from memory.
 * The log is read by those who are far behind, and whenever messages leave a doubt: it is the truth, the bus only saves
 * the database from being asked by everyone all the time.
 */
export class BusTail implements Tail {
  readonly #options: BusTailOptions
  readonly #window: BusWindow
  readonly #holeMs: number
  readonly #signal: WakeSignal
  readonly #messages = { applied: 0, duplicate: 0, refused: 0, invalid: 0 }
  readonly #gapsHealed = { lost: 0, hole: 0, late: 0, silent: 0 }
  #subscriptions: readonly BusSubscription[] = []
  #fetching: Promise<void> | undefined
  #connected = false
  #stopping = false
  #looking = false
  #logReads = 0
  #history: string
  #waiting: string | undefined
  #lastError: string | undefined

  constructor(options: BusTailOptions) {
    this.#options = options
    const settings = { ...doubtDefaults, ...options.settings }
    this.#holeMs = settings.holeMs
    this.#window = new BusWindow(options.types, settings)
    this.#signal = new WakeSignal(options.clock)
    this.#history = historyText(options.log.identity)
    void this.#run()
  }

  wake(): void {
    this.#window.woken(this.#options.clock.monotonic())
    if (this.#connected) return
    this.#window.lookNow()
    this.#options.onGrown()
  }

  async read(options: LogRead): Promise<LogPage> {
    const { after } = options
    this.#forgetLostHistory()
    if (!this.#window.covers(after)) return this.#readBehind(options)
    if (after === this.#window.end) await this.#grow(after)
    return this.#window.covers(after) ? this.#window.page(options) : this.#readBehind(options)
  }

  status(): BusSourceStatus {
    const { end } = this.#window
    return {
      connected: this.#connected,
      ...(end === undefined ? {} : { position: String(end) }),
      messages: { ...this.#messages },
      gapsHealed: { ...this.#gapsHealed },
      logReads: this.#logReads,
      ...(this.#waiting === undefined ? {} : { waiting: this.#waiting }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  /** Delivers nothing any more. What still waits for the broker ends when the bus is closed. */
  async close(): Promise<void> {
    this.#stopping = true
    this.#signal.wake()
    await this.#unsubscribe()
  }

  async #readBehind(options: LogRead): Promise<LogPage> {
    const page = await this.#readLog(options)
    const atHead = page.through - options.after < BigInt(options.limit)
    const { end } = this.#window
    if (atHead && (end === undefined || page.through > end)) {
      this.#window.startAt(page.through, this.#options.clock.monotonic())
      this.#signal.wake()
    }
    return page
  }

  /** Looks into the log beyond `end` when there is a reason to, once for all who wait for it. */
  async #grow(end: bigint): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching
    const why = this.#window.doubt(this.#options.clock.monotonic())
    if (why === undefined) return
    this.#fetching = this.#fetch(end, why).finally(() => {
      this.#fetching = undefined
    })
    await this.#fetching
  }

  async #fetch(after: bigint, why: Doubt): Promise<void> {
    const { types, clock } = this.#options
    try {
      const slots = [{ from: 0, to: slotCount - 1 }]
      const page = await this.#readLog({ after, slots, limit: fetchMax, types })
      if (this.#window.end !== after) return
      const healed = this.#window.adopt(page, why, clock.monotonic())
      if (healed && why !== 'behind') this.#gapsHealed[why]++
    } catch (error) {
      this.#window.clear()
      throw error
    }
  }

  #readLog(options: LogRead): Promise<LogPage> {
    this.#logReads++
    return this.#options.log.read(options)
  }

  /** Follows the bus for as long as it is open. Never throws: meanwhile the log is read. */
  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stopping) {
      try {
        if (this.#window.end === undefined) {
          this.#waiting = 'for the first look at the log'
          await this.#signal.sleep(layoutEveryMs)
          continue
        }
        const why = await this.#follow(this.#window.end, () => (failures = 0))
        this.#waiting = why
      } catch (error) {
        this.#lastError = errorText(error)
        this.#waiting = this.#lastError
      }
      this.#connected = false
      this.#window.distrust()
      await this.#unsubscribe()
      if (!this.#stopping) await this.#pause(++failures)
    }
  }

  /** Reads all partitions until something about them has changed, and says what. */
  async #follow(after: bigint, connected: () => void): Promise<string> {
    const { bus, clock } = this.#options
    const layout = await bus.layout()
    this.#subscriptions = await subscribeAll(bus, layout, after, (partition, messages) =>
      this.#arrived(partition, messages),
    )
    this.#connected = true
    this.#waiting = undefined
    connected()
    let ended: string | undefined
    for (const subscription of this.#subscriptions) {
      void subscription.ended.then((error) => {
        ended ??= error === undefined ? 'a subscription was closed' : errorText(error)
        this.#signal.wake()
      })
    }
    let lookedAtMs = clock.monotonic()
    while (!this.#stopping && ended === undefined) {
      await this.#signal.sleep(layoutEveryMs)
      if (this.#stopping || ended !== undefined) break
      if (clock.monotonic() - lookedAtMs < layoutEveryMs) continue
      lookedAtMs = clock.monotonic()
      const now = await bus.layout()
      if (now.incarnation !== layout.incarnation) return 'the topic was made anew'
      if (now.partitions !== layout.partitions) return 'the topic was partitioned otherwise'
    }
    return ended ?? 'stopped'
  }

  async #arrived(_partition: number, deliveries: readonly BusDelivery[]): Promise<void> {
    const { clock, onGrown } = this.#options
    this.#forgetLostHistory()
    const before = this.#window.end
    const nowMs = clock.monotonic()
    for (const delivery of deliveries) {
      const message = this.#decoded(delivery)
      if (message === undefined) continue
      if (message.history !== this.#history) {
        this.#messages.refused++
        continue
      }
      const accepted = this.#window.accept(message, nowMs)
      this.#messages[accepted === 'next' || accepted === 'waiting' ? 'applied' : accepted]++
    }
    if (this.#window.end !== before || this.#window.lost) onGrown()
    else if (this.#window.waiting > 0) this.#lookSoon()
  }

  /** A restore may come and go without a call that fails: what is remembered of the end that it lost must not be served. */
  #forgetLostHistory(): void {
    const history = historyText(this.#options.log.identity)
    if (history === this.#history) return
    this.#history = history
    this.#window.clear()
  }

  #decoded(delivery: BusDelivery): DecodedMessage | undefined {
    try {
      return decodeMessage(delivery, this.#options.bus.maxBytes)
    } catch (error) {
      if (!isTailraceError(error)) throw error
      // What it should have been is missed by its position.
      this.#messages.invalid++
      this.#lastError = error.message
      return undefined
    }
  }

  /** A missing position becomes a doubt when it stays away: readers are told then. */
  #lookSoon(): void {
    if (this.#looking) return
    this.#looking = true
    void this.#options.clock.sleep(this.#holeMs).then(() => {
      this.#looking = false
      if (this.#window.waiting > 0 && !this.#stopping) this.#options.onGrown()
    })
  }

  async #unsubscribe(): Promise<void> {
    const subscriptions = this.#subscriptions
    this.#subscriptions = []
    await Promise.all(subscriptions.map((one) => one.close()))
  }

  /** Wakes of the signal do not shorten it: it spares a broker that fails. */
  async #pause(failures: number): Promise<void> {
    const { clock } = this.#options
    const until = clock.monotonic() + retryDelayMs(failures, clock)
    while (!this.#stopping && clock.monotonic() < until)
      await this.#signal.sleep(until - clock.monotonic())
  }
}

/** All or none. */
async function subscribeAll(
  bus: Bus,
  { partitions }: BusLayout,
  after: bigint,
  arrived: (partition: number, messages: readonly BusDelivery[]) => Promise<void>,
): Promise<readonly BusSubscription[]> {
  const opened = await Promise.allSettled(
    Array.from({ length: partitions }, (_, partition) =>
      bus.subscribe({
        partition,
        after,
        onMessages: (messages) => arrived(partition, messages),
      }),
    ),
  )
  const failed = opened.find((one) => one.status === 'rejected')
  const subscriptions = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (failed === undefined) return subscriptions
  await Promise.all(subscriptions.map((one) => one.close()))
  throw failed.reason
}
