import { isTailraceError, TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ActiveSequencer, LogIdentity, SequencerStore } from '../ports/event-log.ts'
import {
  firstTransition,
  sequencerDefaults,
  transition,
  type SequencerAction,
  type SequencerInput,
  type SequencerSettings,
} from './sequencer-state.ts'

export interface SequencerOptions {
  readonly store: SequencerStore
  readonly clock: Clock
  readonly settings?: Partial<SequencerSettings>
  /** A call to the database that takes longer counts as failed. Default: 30 s. */
  readonly callTimeoutMs?: number
  /** Told of each failure, for logs. */
  readonly onProblem?: (error: unknown) => void
}

export interface SequencerStatus {
  readonly state: 'seeking' | 'active' | 'stopped'
  /** Present while active. */
  readonly identity: LogIdentity | undefined
  /** The last position that this process gave or took over; 0 before. */
  readonly position: bigint
  readonly steps: number
  readonly assigned: number
  /** How often it stepped down because another sequencer went on. */
  readonly fenced: number
  readonly failures: number
  readonly lastError: string | undefined
}

export interface Sequencer {
  /** Something was committed: look now. Cheap; may be called for every commit. */
  wake(): void
  /** Calls back after each step that gave positions, with the last of them. Returns the unsubscriber. */
  onAdvance(listener: (position: bigint) => void): () => void
  status(): SequencerStatus
  /** Gives the place up. Resolves when nothing is running any more. */
  stop(): Promise<void>
}

/** Runs the sequencer of this process: waits for the one place, gives positions, steps down when fenced, and comes back after failures. */
export function startSequencer(options: SequencerOptions): Sequencer {
  return new SequencerLoop(options)
}

class SequencerLoop implements Sequencer {
  private readonly store: SequencerStore
  private readonly clock: Clock
  private readonly settings: SequencerSettings
  private readonly callTimeoutMs: number
  private readonly onProblem: (error: unknown) => void
  private readonly listeners = new Set<(position: bigint) => void>()
  private readonly stopping = new AbortController()
  private readonly running: Promise<void>
  private active: ActiveSequencer | undefined
  private identity: LogIdentity | undefined
  private state: SequencerStatus['state'] = 'seeking'
  private position = 0n
  private steps = 0
  private assigned = 0
  private fenced = 0
  private failures = 0
  private lastError: string | undefined
  /** What keeps it from giving positions; not what passes, such as a server that is away. */
  private trouble: string | undefined
  private rung = false
  private bell: AbortController | undefined

  constructor(options: SequencerOptions) {
    this.store = options.store
    this.clock = options.clock
    this.settings = { ...sequencerDefaults, ...options.settings }
    this.callTimeoutMs = options.callTimeoutMs ?? 30_000
    this.onProblem = options.onProblem ?? (() => undefined)
    this.running = this.run()
  }

  wake(): void {
    this.rung = true
    // With a reason, because the default one is an error with a stack trace, made anew each time.
    this.bell?.abort('rung')
  }

  onAdvance(listener: (position: bigint) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  status(): SequencerStatus {
    const { state, identity, position, steps, assigned, fenced, failures, lastError } = this
    return { state, identity, position, steps, assigned, fenced, failures, lastError }
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.bell?.abort()
    await this.running
  }

  private async run(): Promise<void> {
    let { state, action } = firstTransition
    while (action.kind !== 'end') {
      const input: SequencerInput = await this.perform(action)
      const asked: SequencerInput = this.stopping.signal.aborted ? { kind: 'stop' } : input
      const moment = { monotonicMs: this.clock.monotonic(), random: this.clock.random() }
      ;({ state, action } = transition(state, asked, this.settings, moment))
      this.state = state.kind
      if (state.kind !== 'active') await this.giveUp()
    }
  }

  private async perform(action: SequencerAction): Promise<SequencerInput> {
    try {
      switch (action.kind) {
        case 'acquire':
          return await this.acquire()
        case 'step':
          return await this.step(action)
        case 'maintain':
          await this.inTime(this.active!.maintain())
          return { kind: 'maintained' }
        case 'pause':
          return await this.pause(action.ms, action.doorbell)
        case 'end':
          return { kind: 'stop' }
      }
    } catch (error) {
      return this.failed(error)
    }
  }

  private async acquire(): Promise<SequencerInput> {
    const pending = this.store.acquire(this.trouble)
    const active = await this.inTime(pending).catch((error: unknown) => {
      // What is acquired after the time is over is nobody's: it is given back.
      pending.then((late) => late?.release()).catch(() => undefined)
      throw error
    })
    if (active === undefined) return { kind: 'occupied' }
    this.active = active
    this.identity = active.identity
    this.position = active.cursor.position
    return { kind: 'acquired', cursor: active.cursor }
  }

  private async step({
    cursor,
    limit,
  }: Extract<SequencerAction, { kind: 'step' }>): Promise<SequencerInput> {
    // Rings from here on may be about commits that this step does not see.
    this.rung = false
    const step = await this.inTime(this.active!.step(cursor, limit))
    this.steps++
    this.trouble = undefined
    this.assigned += step.assigned
    if (step.assigned > 0) {
      this.position = step.cursor.position
      for (const listener of this.listeners) listener(this.position)
    }
    return { kind: 'stepped', step }
  }

  private async pause(ms: number, doorbell: boolean): Promise<SequencerInput> {
    if (!(doorbell && this.rung) && !this.stopping.signal.aborted) {
      const bell = new AbortController()
      // A stop ends every pause; the doorbell only those that it may.
      const stop = (): void => bell.abort()
      this.stopping.signal.addEventListener('abort', stop, { once: true })
      if (doorbell) this.bell = bell
      await this.clock.sleep(ms, bell.signal)
      this.bell = undefined
      this.stopping.signal.removeEventListener('abort', stop)
    }
    return { kind: 'woken' }
  }

  private failed(error: unknown): SequencerInput {
    this.lastError = error instanceof Error ? error.message : String(error)
    if (isTailraceError(error) && error.code === 'LOG_FENCED') {
      this.fenced++
      return { kind: 'fenced' }
    }
    this.failures++
    if (!(isTailraceError(error) && error.retryable)) this.trouble = this.lastError
    this.onProblem(error)
    return { kind: 'failed' }
  }

  private async giveUp(): Promise<void> {
    const { active } = this
    this.active = undefined
    this.identity = undefined
    await active?.release().catch(() => undefined)
  }

  private async inTime<T>(call: Promise<T>): Promise<T> {
    const done = new AbortController()
    const late = this.clock.sleep(this.callTimeoutMs, done.signal).then((): T => {
      // The call itself may have ended the wait.
      if (done.signal.aborted) return undefined as T
      throw new TailraceError(
        'UNAVAILABLE',
        `expected the database to answer within ${this.callTimeoutMs} ms, got nothing; the connection is given up`,
        { retryable: true },
      )
    })
    try {
      return await Promise.race([call, late])
    } finally {
      done.abort('done')
    }
  }
}
