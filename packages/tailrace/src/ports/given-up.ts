import type { SlotRange } from './event-log.ts'

/**
 * What reactors gave up, in the write database beside their ledger: it stays until it was handled, or a person lets it be.
 * All of it may be called twice.
 */
export interface GivenUpStore {
  /** How reactors stand, in one look; in the order of the names. Counts end at 1,000. */
  report(reactors: readonly string[], recent: number): Promise<readonly ReactorReport[]>
  /** What a reactor gave up and was not repeated, or is to be; the latest first. */
  list(reactor: string, limit: number): Promise<readonly GivenUpEvent[]>
  /**
   * Asks for what was given up to be handled again: these events, or all of the reactor. It is noted, and whoever works the
   * slots of an event takes it, also after a crash; asked twice before it was taken, it is handled once. Returns how many
   * were noted: neither those that are noted already, nor those whose event the log has dropped.
   */
  repeat(reactor: string, eventIds?: readonly string[]): Promise<number>
  /** Lets events that were given up be, for ever, because somebody has seen to them. Returns how many. */
  skip(reactor: string, eventIds: readonly string[]): Promise<number>
  /** Events that are to be handled again, for each of these ranges at most `limit`, in position order. */
  due(
    ranges: readonly { readonly reactor: string; readonly slots: SlotRange }[],
    limit: number,
  ): Promise<readonly (readonly EventToRepeat[])[]>
}

export interface ReactorReport {
  readonly reactor: string
  /** The lowest checkpoint of its ranges; undefined when it has never begun. */
  readonly position: bigint | undefined
  /** Given up, and nobody has asked for it again. */
  readonly givenUp: number
  /** To be handled again. */
  readonly repeating: number
  /** The latest of both. */
  readonly recent: readonly GivenUpEvent[]
}

export interface GivenUpEvent {
  readonly eventId: string
  /** These three are undefined when the log has dropped the event. */
  readonly position: bigint | undefined
  readonly type: string | undefined
  readonly stream: string | undefined
  /** Of the last attempt, at most 2,000 characters. */
  readonly error: string
  /** When it was given up, by the database, milliseconds since 1970. */
  readonly atMs: number
  readonly repeating: boolean
}

export interface EventToRepeat {
  readonly eventId: string
  readonly position: bigint
  /** How often it was asked for: says which of the askings a failure belongs to. */
  readonly repeat: number
}
