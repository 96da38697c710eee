/** What clients did and were told: the input of every check, from a simulation or from real processes. */
export type Operation = CommandOperation | QueryOperation

interface Common {
  readonly session: string
  /** Milliseconds of one clock for all sessions. */
  readonly invokedAt: number
  endedAt: number | undefined
}

/** One sending of a command. A repetition with the same key is another operation. */
export interface CommandOperation extends Common {
  readonly kind: 'command'
  readonly name: string
  readonly key: string | undefined
  /** Canonical text of the input. */
  readonly input: string
  outcome: CommandResult | undefined
}

export type CommandResult =
  | {
      readonly kind: 'ok'
      readonly commandId: string
      readonly stream: string
      readonly version: number
      readonly token: string
    }
  | { readonly kind: 'rejected'; readonly commandId: string; readonly code: string }
  /** Nothing was recorded by this sending. */
  | { readonly kind: 'refused'; readonly code: string; readonly commandId: string | undefined }
  /** No answer: it may have happened, or happen yet. */
  | { readonly kind: 'info'; readonly error: string }

export interface QueryOperation extends Common {
  readonly kind: 'query'
  readonly query: string
  readonly projection: string
  readonly key: string
  /** Whether it carried what the session had written and seen. */
  readonly withTokens: boolean
  /** Whether it wanted everything that was committed when it was asked. */
  readonly strict: boolean
  readonly waitMs: number
  outcome: QueryResult | undefined
}

export type QueryResult =
  | {
      readonly kind: 'answer'
      readonly document: DocumentText | null
      readonly position: bigint
      readonly asOfMs: number
      readonly stale: boolean
      readonly behindToken: boolean
      /** Said to touch a parked key. */
      readonly parked: boolean
      readonly tookMs: number
      /** The process stood still meanwhile: its waiting says nothing. */
      readonly stoodStill: boolean
    }
  | {
      readonly kind: 'refused'
      readonly code: string
      readonly tookMs: number
      readonly stoodStill: boolean
    }
  | { readonly kind: 'info'; readonly error: string }

/** A document as canonical text, and the generation of the fold that made it. */
export interface DocumentText {
  readonly text: string
  readonly generation: number
}

/** A document, and the last event in it. */
export interface KeyState {
  /** 0 before the first event. */
  readonly position: bigint
  readonly text: string | null
}

/** The states of a document in their order, the first one being its absence. */
export type KeyStates = readonly KeyState[]

/** An event of the final log, with what only a simulation knows: when its transaction committed. */
export interface LoggedEvent {
  readonly position: bigint
  readonly aggregate: string
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
  readonly commandId: string
  readonly ordinal: number
  readonly slot: number
  readonly at: string
  readonly committedAtMs: number | undefined
}

/** Something that must never be. */
export interface Violation {
  /** Of the list of invariants, such as `I13`. */
  readonly invariant: string
  readonly text: string
}
