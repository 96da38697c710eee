import { systemActor } from '../declare/actor.ts'
import { TailraceError, isTailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { DueTimer, OverdueTimers, TimerStore } from '../ports/timers.ts'
import type { CommandOutcome } from '../run/engine.ts'
import type { CallOptions } from '../write/pending-command.ts'

export interface TimerRoleOptions {
  readonly timers: TimerStore
  readonly submit: (name: string, input: unknown, options: CallOptions) => Promise<CommandOutcome>
  readonly clock: Clock
  /** The commands that can be issued here; timers for others are left to whoever knows them. Default: all. */
  readonly commands?: readonly string[]
  /** Told of each timer that could not be issued, and of failures of the store. */
  readonly onProblem?: (error: unknown, timer?: DueTimer) => void
  readonly settings?: Partial<TimerSettings>
}

export interface TimerSettings {
  /** Timers issued at the same time. Default: 200. */
  readonly limit: number
  /** A timer that was handed out and not settled is due again after this. Default: 15,000 ms. */
  readonly holdMs: number
  /** Another process may set a nearer timer meanwhile: the longest pause. Default: 1,000 ms. */
  readonly pollMaxMs: number
  /** Default: 10 ms. */
  readonly pollMinMs: number
  /** Longest pause after failures of the store. Default: 5,000 ms. */
  readonly retryMaxMs: number
}

export interface TimerRole {
  /** A timer may have been set: look now. */
  wake(): void
  status(): {
    readonly issued: number
    readonly problems: number
    readonly lastError: string | undefined
  }
  /** Resolves when nothing is running any more. */
  stop(): Promise<void>
}

const defaults: TimerSettings = {
  limit: 200,
  holdMs: 15_000,
  pollMaxMs: 1_000,
  pollMinMs: 10,
  retryMaxMs: 5_000,
}

/**
 * Issues the commands of due timers. Any number of processes may do it: a timer has one effect, because the command commits
 * only while the timer is set, and removes it with the same commit. So a timer that is cancelled or set anew while it is
 * being issued has none, and one of a history that a restore has lost has none in the history that follows. The idempotency
 * key of its issues is for people, and for commands that older processes issued.
 */
export function startTimerRole(options: TimerRoleOptions): TimerRole {
  return new TimerLoop(options)
}

/** The idempotency key of one setting of a timer: visible ASCII, at most 255 characters. */
export function timerKey({ schedule, stream, id }: DueTimer): string {
  const key = `timer/${encodeURIComponent(schedule)}/${encodeURIComponent(stream)}/${id}`
  // The id alone is unique; the rest is for people.
  return key.length <= 255 ? key : `timer/${id}`
}

class TimerLoop implements TimerRole {
  private readonly timers: TimerStore
  private readonly submit: TimerRoleOptions['submit']
  private readonly clock: Clock
  private readonly onProblem: (error: unknown, timer?: DueTimer) => void
  private readonly settings: TimerSettings
  private readonly commands: readonly string[] | undefined
  /** Commands that nobody knows, as told last, and when they were looked for. */
  private strange: ReadonlySet<string> = new Set()
  private lookedAt = Number.NEGATIVE_INFINITY
  private readonly running: Promise<void>
  private pausing = new AbortController()
  private rung = false
  private stopped = false
  private issued = 0
  private problems = 0
  private lastError: string | undefined

  constructor(options: TimerRoleOptions) {
    this.timers = options.timers
    this.submit = options.submit
    this.clock = options.clock
    this.onProblem = options.onProblem ?? (() => undefined)
    this.settings = { ...defaults, ...options.settings }
    this.commands = options.commands
    this.running = this.run()
  }

  wake(): void {
    this.rung = true
    this.pausing.abort()
  }

  status(): {
    readonly issued: number
    readonly problems: number
    readonly lastError: string | undefined
  } {
    return { issued: this.issued, problems: this.problems, lastError: this.lastError }
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.wake()
    await this.running
  }

  private async run(): Promise<void> {
    let failures = 0
    while (!this.stopped) {
      this.rung = false
      try {
        const pauseMs = await this.round()
        failures = 0
        await this.pause(pauseMs)
      } catch (error) {
        this.problem(error)
        await this.pause(
          Math.min(this.settings.retryMaxMs, 50 * 2 ** Math.min(failures++, 20)) *
            (0.5 + this.clock.random() / 2),
        )
      }
    }
  }

  /** Issues what is due. Returns how long there is nothing to do. */
  private async round(): Promise<number> {
    const { limit, holdMs, pollMinMs, pollMaxMs } = this.settings
    const due = await this.timers.due(limit, holdMs, this.commands)
    await Promise.all(due.map((timer) => this.issue(timer)))
    if (due.length === limit) return 0
    await this.lookForStrangers()
    const nextMs = (await this.timers.nextInMs(this.commands)) ?? pollMaxMs
    return Math.min(pollMaxMs, Math.max(pollMinMs, nextMs))
  }

  /** What nobody has taken for as long as a timer is held is not for another release beside this one. */
  private async lookForStrangers(): Promise<void> {
    const { holdMs } = this.settings
    const now = this.clock.monotonic()
    if (this.commands === undefined || now - this.lookedAt < holdMs) return
    this.lookedAt = now
    const overdue = (await this.timers.overdue?.(this.commands, holdMs)) ?? []
    for (const one of overdue) if (!this.strange.has(one.command)) this.problem(nobodys(one))
    this.strange = new Set(overdue.map(({ command }) => command))
  }

  /** Never throws: a timer that is not settled shows up again after its hold. */
  private async issue(timer: DueTimer): Promise<void> {
    try {
      let held = timer
      let outcome = await this.send(held)
      if (isNotFound(outcome)) {
        // A database that goes back to before the aggregate was deleted has both again. Handed out once more, the timer is
        // held since a moment at which there was no aggregate: one that goes back beyond it holds the timer otherwise.
        const again = await this.timers.again(timer, this.settings.holdMs)
        if (again === undefined) return
        held = again
        outcome = await this.send(held)
      }
      if (outcome.kind === 'refused' && outcome.code === 'TIMER_GONE') return
      if (!isSettled(outcome)) {
        const why = describe(outcome)
        this.problem(new Error(`timer "${timer.schedule}" of "${timer.stream}": ${why}`), timer)
        return await this.timers.failed(held, why)
      }
      if (!isCommitted(outcome)) await this.timers.done(held, recordedId(outcome))
      this.issued++
    } catch (error) {
      this.problem(error, timer)
      // What passes is not noted: a database that is away could not, and would be asked once more.
      if (isTailraceError(error) && error.retryable) return
      await this.timers
        .failed(timer, textOf(error))
        .catch((why: unknown) => this.problem(why, timer))
    }
  }

  private send(timer: DueTimer): Promise<CommandOutcome> {
    return this.submit(timer.command, timer.input, {
      actor: systemActor,
      idempotencyKey: timerKey(timer),
      timer,
    })
  }

  private async pause(ms: number): Promise<void> {
    if (this.rung || this.stopped) return
    this.pausing = new AbortController()
    await this.clock.sleep(ms, this.pausing.signal)
  }

  private problem(error: unknown, timer?: DueTimer): void {
    this.problems++
    this.lastError = textOf(error)
    this.onProblem(error, timer)
  }
}

function nobodys({ command, schedule, at }: OverdueTimers): TailraceError {
  return new TailraceError(
    'COMMAND_UNKNOWN',
    `expected the timers of schedule "${schedule}" to be for commands of this application, got "${command}", due since ${at}; keep a command under its name for as long as timers are set for it, or remove these timers`,
    { details: { schedule, command, at } },
  )
}

/**
 * Whether the timer has had its one effect, or can have none: a decision was recorded, the aggregate does not exist (any
 * more), or the key was used already by an issue whose input read differently.
 */
function isSettled(outcome: CommandOutcome): boolean {
  if (outcome.kind !== 'refused') return true
  return isNotFound(outcome) || outcome.code === 'IDEMPOTENCY_KEY_REUSED'
}

function isNotFound(outcome: CommandOutcome): boolean {
  return outcome.kind === 'refused' && outcome.code === 'NOT_FOUND'
}

/** Whether this call committed its command, and with it the end of the timer. */
function isCommitted(outcome: CommandOutcome): boolean {
  return outcome.kind !== 'refused' && !outcome.replayed
}

/** Of the command's record; a refusal leaves none, and a key that was used already has one of other input. */
function recordedId(outcome: CommandOutcome): string | undefined {
  if (outcome.kind !== 'refused') return outcome.commandId
  return outcome.code === 'IDEMPOTENCY_KEY_REUSED' ? outcome.commandId : undefined
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function describe(outcome: CommandOutcome): string {
  return outcome.kind === 'refused' ? `${outcome.code}: ${outcome.message}` : outcome.kind
}
