import { isTailraceError } from '../errors.ts'
import { slotCount, slotRanges } from '../log/slot.ts'
import type { Bus, BusLayout } from '../ports/bus.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog, LogPage } from '../ports/event-log.ts'
import type { Lease, LeaseStore, Trouble } from '../ports/leases.ts'
import { errorText } from '../project/fold-batch.ts'
import { historyText } from '../project/inspect-version.ts'
import { retryDelayMs } from '../project/retry-delay.ts'
import { WakeSignal } from '../project/wake-signal.ts'
import { expiredPosition } from './expired-position.ts'
import {
  inSends,
  jumps,
  planRelay,
  shareOut,
  type RelayPart,
  type RelayParts,
  type RelayPlan,
} from './relay-plan.ts'
import { PageSize } from './page-size.ts'
import { SendBound } from './send-bound.ts'

export interface RelayOptions {
  readonly bus: Bus
  readonly log: EventLog
  readonly leases: LeaseStore
  readonly clock: Clock
  /** Unique among processes. Default: a new uuid. */
  readonly owner?: string
  /** Told of each failure, for logs. */
  readonly onProblem?: (error: unknown) => void
  readonly settings?: Partial<RelaySettings>
}

export interface RelaySettings {
  /**
   * Events read at once at most, and published before the next are: what may be in flight. As many more wait for it. At most
   * 10,000. Default: 4,000; fewer where events are large.
   */
  readonly pageSize: number
  /** Letters of the bodies of such a page, about. Default: 4 Mi. */
  readonly pageLetters: number
  /** Bytes on the wire and messages of one send to a partition, where the broker does not take less. Default: 512 KiB and 1,000. */
  readonly sendBytes: number
  readonly sendMessages: number
  /** How long the place of the one active relay lasts without renewal. Default: 10,000 ms. */
  readonly leaseTtlMs: number
  /** How often a place that is taken is asked for. Default: 1,000 ms. */
  readonly seekEveryMs: number
  /** How often broker and log are asked whether they are still the same. Default: 1,000 ms. */
  readonly layoutEveryMs: number
  /** Pauses while there is nothing to publish: first and longest; they double. Default: 2 ms and 50 ms. */
  readonly pollMinMs: number
  readonly pollMaxMs: number
}

export const relayDefaults: RelaySettings = {
  pageSize: 4_000,
  pageLetters: 4 * 1_024 * 1_024,
  sendBytes: 512 * 1_024,
  sendMessages: 1_000,
  leaseTtlMs: 10_000,
  seekEveryMs: 1_000,
  layoutEveryMs: 1_000,
  pollMinMs: 2,
  pollMaxMs: 50,
}

export interface RelayStatus {
  /** `standby`: another process publishes. `waiting`: it has the place and cannot go on; `lastError` says why. */
  readonly state: 'standby' | 'active' | 'waiting' | 'stopped'
  /** Everything up to here is on the bus; 0 before anything is known. */
  readonly position: bigint
  /** Age of the oldest event that was read and is not on the bus yet, milliseconds. */
  readonly lagMs: number
  /** Messages that the broker has confirmed to this process. */
  readonly published: number
  /** How often the broker was asked what it has: at a start, after each failure, and when its partitions changed. */
  readonly asked: number
  readonly failures: number
  readonly lastError: string | undefined
}

export interface Relay {
  /** The log has grown: look now. Cheap. */
  wake(): void
  status(): RelayStatus
  /** Gives the place up. What the broker has not confirmed is published again by the next relay. May be called twice. */
  stop(): Promise<void>
}

/**
 * Publishes the log to a bus, in the order of its positions within each partition. One relay is active at a time, by a
 * lease; two that overlap for a moment publish some events twice, which readers drop. It remembers nothing: where to go on
 * is what the broker says that it has, asked again after every failure.
 */
export function startRelay(options: RelayOptions): Relay {
  return new RelayLoop(options)
}

/** Clocks differ, and so does the order of events from that of their times. */
const marginMs = 3_600_000

/** A page of the log after a plan's position, and what of it goes where. */
interface NextPage {
  readonly page: LogPage
  /** It holds as many events as were asked for: there may be more. */
  readonly full: boolean
  readonly shared: RelayParts
}

class RelayLoop implements Relay {
  readonly #options: RelayOptions
  readonly #settings: RelaySettings
  readonly #owner: string
  readonly #signal: WakeSignal
  readonly #bound = new SendBound()
  readonly #pageSize: PageSize
  readonly #running: Promise<void>
  #stopping = false
  #abandon: (() => void) | undefined
  #state: RelayStatus['state'] = 'standby'
  #lease: Lease | undefined
  #leaseUntilMs = 0
  #plan: RelayPlan | undefined
  #ahead: { readonly plan: RelayPlan; readonly next: Promise<NextPage> } | undefined
  #layoutSeenMs = 0
  #pollMs: number
  #oldestAt: string | undefined
  #position = 0n
  #published = 0
  #asked = 0
  #failures = 0
  #lastError: string | undefined
  #trouble: Trouble | undefined

  constructor(options: RelayOptions) {
    this.#options = options
    this.#settings = { ...relayDefaults, ...options.settings }
    this.#owner = options.owner ?? options.clock.uuid()
    this.#signal = new WakeSignal(options.clock)
    this.#pollMs = this.#settings.pollMinMs
    const { pageSize, pageLetters } = this.#settings
    this.#pageSize = new PageSize({ events: pageSize, letters: pageLetters })
    this.#running = this.#run()
  }

  wake(): void {
    if (this.#state === 'active') this.#signal.wake()
  }

  status(): RelayStatus {
    const oldest = this.#oldestAt
    return {
      state: this.#state,
      position: this.#position,
      lagMs: oldest === undefined ? 0 : Math.max(0, this.#options.clock.now() - Date.parse(oldest)),
      published: this.#published,
      asked: this.#asked,
      failures: this.#failures,
      lastError: this.#lastError,
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#abandon?.()
    this.#signal.wake()
    await this.#running
  }

  async #run(): Promise<void> {
    let inRow = 0
    while (!this.#stopping) {
      try {
        if (!(await this.#leads())) {
          this.#state = 'standby'
          await this.#signal.sleep(this.#settings.seekEveryMs)
          continue
        }
        this.#plan ??= await this.#ask()
        await this.#round(this.#plan)
        this.#state = 'active'
        this.#trouble = undefined
        inRow = 0
      } catch (error) {
        if (this.#stopping) break
        this.#failed(error)
        await this.#pause(retryDelayMs(++inRow, this.#options.clock))
      }
    }
    await this.#giveUp()
  }

  /** Whether this process has the one place, renewed in time. A place taken anew begins with what the broker has. */
  async #leads(): Promise<boolean> {
    const { leases, clock, bus } = this.#options
    const { leaseTtlMs } = this.#settings
    const startedAtMs = clock.monotonic()
    if (this.#lease !== undefined && startedAtMs < this.#leaseUntilMs - leaseTtlMs * 0.6)
      return true
    const projection = relayLease(bus.name)
    if (this.#lease === undefined) await leases.ensure(projection, 1, slotRanges(1))
    const [lease] = await leases.claim({
      owner: this.#owner,
      ttlMs: leaseTtlMs,
      projections: [{ projection, version: 1, max: 1, trouble: this.#trouble }],
    })
    if (lease?.fence !== this.#lease?.fence) this.#forget()
    this.#lease = lease
    // Counted from before the claim, and a tenth early.
    this.#leaseUntilMs = startedAtMs + leaseTtlMs * 0.9
    return lease !== undefined
  }

  async #ask(): Promise<RelayPlan> {
    const { bus, log, clock } = this.#options
    this.#asked++
    const layout = await this.#unlessStopped(bus.layout())
    this.#layoutSeenMs = clock.monotonic()
    const partitions = Array.from({ length: layout.partitions }, (_, i) => i)
    const places = await this.#unlessStopped(
      Promise.all(partitions.map((partition) => bus.lastPublished(partition))),
    )
    const expired = places.includes(undefined) ? await this.#expired(layout) : 0n
    const plan = planRelay({ bus: bus.name, layout, places, epochs: await log.epochs(), expired })
    this.#position = plan.position
    return plan
  }

  /** Up to where the log is older than what the broker keeps: it would remove that at once, and the same at the next start. */
  #expired({ keepsMs }: BusLayout): bigint | Promise<bigint> {
    const { log, clock } = this.#options
    return keepsMs === undefined ? 0n : expiredPosition(log, clock.now() - keepsMs - marginMs)
  }

  /** Publishes the next page, or rests when there is none. */
  async #round(plan: RelayPlan): Promise<void> {
    const { clock } = this.#options
    const { page, full, shared } = await this.#next(plan)
    // Asked after the page was read: then the page is of that history.
    const due = clock.monotonic() - this.#layoutSeenMs >= this.#settings.layoutEveryMs
    if ((due || jumps(plan, page)) && !(await this.#sameWorld(plan))) return this.#forget()
    this.#oldestAt = page.events[0]?.at
    // The lease may have run out meanwhile: whoever has it now publishes this.
    if (clock.monotonic() >= this.#leaseUntilMs) return
    const sending = this.#publish(shared)
    if (full) this.#prepare(shared.next)
    await sending
    this.#plan = shared.next
    this.#position = shared.next.position
    this.#oldestAt = undefined
    if (!full) await this.#idle(page.events.length === 0)
  }

  async #publish({ parts, next: { layout } }: RelayParts): Promise<void> {
    const sent = await this.#unlessStopped(
      Promise.allSettled(parts.map((part) => this.#send(part, layout))),
    )
    const failed = sent.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    if (parts.length > 0) this.#bound.passed()
  }

  async #send({ partition, messages }: RelayPart, layout: BusLayout): Promise<void> {
    const { sendBytes, sendMessages } = this.#settings
    const bytes = Math.min(sendBytes, layout.maxSendBytes ?? sendBytes, this.#bound.bytes)
    for (const send of inSends(messages, { bytes, messages: sendMessages })) {
      try {
        await this.#options.bus.publish(partition, send, layout.incarnation)
      } catch (error) {
        this.#bound.failed(send, error)
        throw error
      }
      this.#published += send.length
    }
  }

  /** Whether broker and log are the ones that the plan was made for. */
  async #sameWorld({ layout, history }: RelayPlan): Promise<boolean> {
    const { bus, log, clock } = this.#options
    const now = await this.#unlessStopped(bus.layout())
    const head = await log.head()
    this.#layoutSeenMs = clock.monotonic()
    return (
      now.incarnation === layout.incarnation &&
      now.partitions === layout.partitions &&
      historyText(head) === history
    )
  }

  async #next(plan: RelayPlan): Promise<NextPage> {
    const ahead = this.#ahead?.plan === plan ? this.#ahead.next : undefined
    this.#ahead = undefined
    return ahead ?? this.#fetch(plan)
  }

  /** The next page becomes messages while the broker takes this one. */
  #prepare(plan: RelayPlan): void {
    const next = this.#fetch(plan)
    // The one who asks for it gets the error.
    next.catch(() => undefined)
    this.#ahead = { plan, next }
  }

  async #fetch(plan: RelayPlan): Promise<NextPage> {
    const { log, bus } = this.#options
    const slots = [{ from: 0, to: slotCount - 1 }]
    const limit = this.#pageSize.events
    const page = await log.read({ after: plan.position, slots, limit })
    const shared = shareOut(plan, page, bus.maxBytes)
    this.#pageSize.made(shared.parts)
    return { page, full: page.events.length === limit, shared }
  }

  async #idle(nothing: boolean): Promise<void> {
    const { pollMinMs, pollMaxMs } = this.#settings
    this.#state = 'active'
    const woken = await this.#signal.sleep(this.#pollMs)
    this.#pollMs = woken || !nothing ? pollMinMs : Math.min(this.#pollMs * 2, pollMaxMs)
  }

  #failed(error: unknown): void {
    this.#failures++
    this.#lastError = errorText(error)
    // It asks again and again; that the broker does not answer is no end.
    const failed = isTailraceError(error) && !error.retryable
    this.#trouble = { failed, text: this.#lastError }
    this.#state = this.#lease === undefined ? 'standby' : 'waiting'
    this.#forget()
    this.#options.onProblem?.(error)
  }

  /** What the broker has is asked again. */
  #forget(): void {
    this.#plan = undefined
    this.#ahead = undefined
  }

  async #giveUp(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    this.#state = 'stopped'
    if (lease !== undefined)
      await this.#options.leases.release(this.#owner, [lease]).catch(() => undefined)
  }

  /** A broker that does not answer does not keep a process from stopping. One call at a time. */
  #unlessStopped<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#abandon = () => reject(new Error('stopped'))
      if (this.#stopping) this.#abandon()
      call.then(resolve, reject)
    })
  }

  /** Not shortened by wake-ups: it spares a server that fails. */
  async #pause(ms: number): Promise<void> {
    const { clock } = this.#options
    const until = clock.monotonic() + ms
    while (!this.#stopping && clock.monotonic() < until)
      await this.#signal.sleep(until - clock.monotonic())
  }
}

/** The relay of a bus has a lease like a projection, under a name that no projection can have. */
export function relayLease(bus: string): string {
  return `relay/${bus}`
}
