/** An event type of the log, with the highest version of it. */
export interface RecordedType {
  readonly type: string
  readonly version: number
}

/** A version of a read model, and the event types that it handles. */
export interface HandledTypes {
  readonly projection: string
  readonly version: number
  readonly types: readonly string[]
}

/** What an application that changes is compared with. Both are small, however long the log is, and cheap to ask for. */
export interface LogTypes {
  /**
   * The event types that the log may hold. A type is here before its first event can be read. One whose first event was then
   * not recorded may be here, too.
   */
  recorded(): Promise<readonly RecordedType[]>
  /** Notes what versions of read models handle, the first time that each is seen; gives what is noted of them. */
  handled(versions: readonly HandledTypes[]): Promise<readonly HandledTypes[]>
  /** Notes what a reactor handles from now on; gives what was noted before, undefined the first time. */
  reacts(reactor: string, types: readonly string[]): Promise<readonly string[] | undefined>
}
