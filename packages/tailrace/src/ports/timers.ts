/** Timers of scheduled commands, and the ledger of reactors. Both live beside the log. */
export interface TimerStore {
  /**
   * Due timers, oldest first, hidden from other callers for `holdMs` (database time). Only those for these commands: others
   * are for another release, which may be running beside this one.
   */
  due(limit: number, holdMs: number, commands?: readonly string[]): Promise<readonly DueTimer[]>
  /** The same timer, handed out once more for `holdMs`; undefined when it is not held as by the last time any more. */
  again(timer: DueTimer, holdMs: number): Promise<DueTimer | undefined>
  /**
   * Removes a timer whose command's own commit did not: one that had its effect before, or can have none. Only if it still
   * is the one that was handed out (same `id`), and if the command that it issued is recorded here: a database that went
   * back in time has the timer again and lacks the command. `undefined`: none was recorded; then only while it is held as
   * `timer` says, which a database that went back to before that does not know.
   */
  done(timer: DueTimer, commandId: string | undefined): Promise<void>
  /** Milliseconds until the next one for these commands is due; undefined when none is set. */
  nextInMs(commands?: readonly string[]): Promise<number | undefined>
  /** Commands, other than these, with a timer that nobody has taken for so long after its time. */
  overdue?(commands: readonly string[], ms: number): Promise<readonly OverdueTimers[]>
  /** Notes that the command of a timer that was handed out has failed; nothing when it is done, cancelled or set anew. */
  failed(timer: DueTimer, error: string): Promise<void>
  /** What is due, in one look. `overdueMs`: how long after its time a timer is overdue. Counts end at 1,000. */
  report(overdueMs: number, recent: number): Promise<TimerReport>
}

export interface TimerReport {
  /** Timers whose time has come, and whose command has had no effect yet. */
  readonly due: number
  readonly overdue: number
  /** Those of them whose command has failed, and is sent again. */
  readonly failed: number
  /** Since the time of the oldest one; 0 when none is due. */
  readonly oldestDueMs: number
  /** Of the failed ones, the oldest. */
  readonly recent: readonly FailedTimer[]
}

export interface FailedTimer {
  readonly schedule: string
  readonly stream: string
  readonly command: string
  readonly at: string
  /** How often it has failed. */
  readonly failures: number
  /** Of the last time, at most 2,000 characters. */
  readonly error: string
}

export interface OverdueTimers {
  readonly command: string
  readonly schedule: string
  /** Of the oldest. */
  readonly at: string
}

export interface DueTimer {
  /** New for each setting of the timer: part of the command's idempotency key. */
  readonly id: string
  readonly schedule: string
  readonly stream: string
  readonly command: string
  readonly input: unknown
  readonly at: string
  /** Another each time that it is handed out. */
  readonly hold: string
}

/** One setting of a timer, as the command that it issues names it. */
export type IssuedTimer = Pick<DueTimer, 'id' | 'schedule' | 'stream'>

export interface ReactorLedger {
  /** The reactor's checkpoint per range; made at the head of the log when missing. */
  checkpoint(reactor: string, range: number): Promise<bigint>
  /**
   * Advances the checkpoint, from where its worker left it and over events that are noted as handled. May be repeated.
   * Throws `PROJECTION_FENCED` when a higher fence was there, when the checkpoint stands elsewhere, or when one of the events
   * is not noted: another worker has the range, or the database went back in time.
   */
  advance(reactor: string, range: number, move: ReactorMove): Promise<void>
  /** Which of these events were handled already. */
  handled(reactor: string, eventIds: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Notes what became of an event; a success is final. False, and nothing is noted, when one of its commands is not
   * recorded here: the database went back in time meanwhile, and the event, if there is one, has to be handled again. A failure is not
   * noted over a later asking to repeat the event, nor over one that a person has let be.
   */
  record(reactor: string, eventId: string, entry: ReactorEntry): Promise<boolean>
}

export interface ReactorMove {
  readonly fence: bigint
  readonly from: bigint
  readonly to: bigint
  /** Ids of the events in between that concern the reactor. */
  readonly handled: readonly string[]
}

export type ReactorEntry =
  | { readonly outcome: 'done'; readonly commandIds: readonly string[] }
  | {
      readonly outcome: 'failed'
      readonly error: string
      /** The command of the event itself: a database that went back to before it has nothing to give up. */
      readonly commandIds?: readonly string[]
      /** Of the asking that it was repeated for; absent at the first time. */
      readonly repeat?: number | undefined
    }
