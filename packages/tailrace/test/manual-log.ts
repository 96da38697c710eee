import type { Clock } from '../src/ports/clock.ts'
import type {
  Behind,
  EventLog,
  LogEpoch,
  LogHead,
  LogPage,
  RecordedEvent,
} from '../src/ports/event-log.ts'

/** A log of which a test says how it stands: for the logic that only looks at the head. Counts what it is asked. */
export class ManualLog implements EventLog {
  readonly #clock: Clock
  readonly #startMs: number
  systemId = '00000000000000aa'
  epoch = 1
  /** Time at which the event of each position was recorded, milliseconds after the start. */
  readonly recordedAt: number[] = []
  /** Times of committed events without a position. */
  unsequenced: number[] = []
  readonly xids = new Map<string, bigint | 'pending'>()
  /** `down`: refuses at once; `hung`: never answers. */
  mood: 'up' | 'down' | 'hung' = 'up'
  /** How long a look at the head takes. */
  headTakesMs = 0
  asked = { head: 0, resolve: [] as (readonly string[])[] }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.now()
  }

  get identity() {
    return { systemId: this.systemId, epoch: this.epoch }
  }

  get position(): bigint {
    return BigInt(this.recordedAt.length)
  }

  /** Records and sequences events now. */
  record(count = 1): bigint {
    for (let i = 0; i < count; i++) this.recordedAt.push(this.#elapsed())
    return this.position
  }

  /** Commits an event that has no position yet. */
  commit(): void {
    this.unsequenced.push(this.#elapsed())
  }

  sequence(): void {
    this.recordedAt.push(...this.unsequenced)
    this.unsequenced = []
  }

  async head(): Promise<LogHead> {
    this.asked.head++
    await this.#mood()
    if (this.headTakesMs > 0) await this.#clock.sleep(this.headTakesMs)
    const oldest = this.unsequenced[0]
    return {
      ...this.identity,
      position: this.position,
      nowMs: this.#startMs + this.#elapsed(),
      unsequenced: this.unsequenced.length,
      oldestUnsequencedAtMs: oldest === undefined ? undefined : this.#startMs + oldest,
      sequencerSeenMs: this.#startMs + this.#elapsed(),
    }
  }

  async behind(positions: readonly bigint[]): Promise<Behind[]> {
    await this.#mood()
    return positions.map((position) => {
      const next = this.recordedAt[Number(position)]
      return {
        events: this.recordedAt.length - Number(position),
        oldestAtMs: next === undefined ? undefined : this.#startMs + next,
      }
    })
  }

  async resolve(xids: readonly string[]): Promise<(bigint | 'pending' | undefined)[]> {
    this.asked.resolve.push(xids)
    await this.#mood()
    return xids.map((xid) => this.xids.get(xid))
  }

  async epochs(): Promise<LogEpoch[]> {
    return [{ ...this.identity, lastPosition: 0n, firstPosition: 0n }]
  }

  read(): Promise<LogPage> {
    throw new Error('expected no reading of events')
  }

  readAt(): Promise<RecordedEvent[]> {
    throw new Error('expected no reading of events')
  }

  scan(): AsyncIterable<LogPage> {
    throw new Error('expected no reading of events')
  }

  #elapsed(): number {
    return this.#clock.now() - this.#startMs
  }

  async #mood(): Promise<void> {
    if (this.mood === 'down') throw new Error('connection refused')
    if (this.mood === 'hung') await new Promise(() => undefined)
  }
}
