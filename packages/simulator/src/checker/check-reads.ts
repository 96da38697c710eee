import type {
  KeyStates,
  LoggedEvent,
  Operation,
  QueryOperation,
  QueryResult,
  Violation,
} from './history.ts'

export interface ReadEvidence {
  /** In the order in which they were invoked. */
  readonly operations: readonly Operation[]
  readonly log: readonly LoggedEvent[]
  /** The states that a document of a projection goes through, by the generation of the fold. */
  readonly statesOf: (projection: string, generation: number, key: string) => KeyStates
  readonly generations: readonly number[]
  /** Sessions that forgot their tokens. */
  readonly forgotten: readonly { readonly session: string; readonly at: number }[]
  /**
   * Whether something happened to a document so shortly before an answer that the process which gave it could not know:
   * its key was parked, its store went back to an older copy.
   */
  readonly excused: (operation: QueryOperation) => boolean
  /** The time of the database at a moment of the clients' clock; absent when nobody knows. */
  readonly databaseMs?: (at: number) => number
  /** A query answers within its wait and this, milliseconds. */
  readonly answerWithinMs: number
}

type Answer = Extract<QueryResult, { kind: 'answer' }>

/**
 * What clients were shown is a state of the document that the log explains, as new as they had to see it: with what they
 * wrote (I13), never older than before (I14), as new as the answer itself says (I17).
 */
export function checkReads(evidence: ReadEvidence): Violation[] {
  const violations: Violation[] = []
  const sessions = Map.groupBy(evidence.operations, ({ session }) => session)
  for (const [session, operations] of sessions) {
    const check = new SessionCheck(session, evidence)
    for (const operation of operations) violations.push(...check.next(operation))
  }
  return violations
}

class SessionCheck {
  readonly #session: string
  readonly #evidence: ReadEvidence
  readonly #positions = new Map<string, bigint[]>()
  readonly #wrote: { readonly commandId: string; readonly endedAt: number }[] = []
  readonly #seen: { readonly of: string; readonly position: bigint; readonly endedAt: number }[] =
    []

  constructor(session: string, evidence: ReadEvidence) {
    this.#session = session
    this.#evidence = evidence
    for (const { commandId, position } of evidence.log) {
      const known = this.#positions.get(commandId)
      if (known === undefined) this.#positions.set(commandId, [position])
      else known.push(position)
    }
  }

  *next(operation: Operation): Generator<Violation> {
    const { outcome, endedAt } = operation
    if (operation.kind === 'command') {
      if (operation.outcome?.kind === 'ok')
        this.#wrote.push({ commandId: operation.outcome.commandId, endedAt: endedAt! })
      return
    }
    if (outcome === undefined || outcome.kind === 'info') return
    const { waitMs, query } = operation
    const { tookMs, stoodStill } = outcome as Answer
    const most = waitMs + this.#evidence.answerWithinMs
    if (!stoodStill && tookMs > most)
      yield this.#violation('I18', `${query} took ${tookMs} ms, and may take ${most}`)
    if (outcome.kind === 'answer') yield* this.#answered(operation, outcome)
  }

  *#answered(operation: QueryOperation, answer: Answer): Generator<Violation> {
    const { projection, key, withTokens, strict, invokedAt, endedAt } = operation
    const states = this.#statesFor(operation, answer)
    if (states.length === 0) {
      const { text } = answer.document!
      yield this.#violation('I17', `${projection} of ${key} is no state of it: ${text}`)
      return
    }
    if (answer.parked || this.#evidence.excused(operation)) return
    const claims: [string, string, bigint][] = [
      ['I17', `the answer claims position ${answer.position}`, answer.position],
    ]
    // While the log has never answered, a stale answer can only say when its read model was last written.
    if (!answer.stale)
      claims.push([
        'I17',
        `the answer claims to be as of ${answer.asOfMs}`,
        this.#committedBy(answer.asOfMs),
      ])
    if (withTokens && !answer.behindToken) {
      const wrote = this.#ownWrite(states[0]!.of, invokedAt)
      claims.push(['I13', `the session wrote ${wrote}`, wrote])
      const seen = this.#sawBefore(`${projection} ${key}`, invokedAt)
      claims.push(['I14', `the session saw ${seen}`, seen])
    }
    const { databaseMs } = this.#evidence
    if (strict && databaseMs !== undefined)
      claims.push(['I13', 'it was asked strictly', this.#committedBy(databaseMs(invokedAt))])
    for (const [invariant, text, position] of claims) {
      if (states.some(({ until }) => position < until)) continue
      const shown = states.at(-1)!.position
      yield this.#violation(invariant, `${projection} of ${key} shows ${shown}, and ${text}`)
    }
    if (withTokens && !answer.behindToken)
      this.#seen.push({
        of: `${projection} ${key}`,
        position: states[0]!.position,
        endedAt: endedAt!,
      })
  }

  /** The states that look like the answer. An absent document says nothing of its generation: then any will do. */
  #statesFor(
    { projection, key }: QueryOperation,
    { document }: Answer,
  ): { readonly position: bigint; readonly until: bigint; readonly of: KeyStates }[] {
    const generations = document === null ? this.#evidence.generations : [document.generation]
    return generations.flatMap((generation) => {
      const of = this.#evidence.statesOf(projection, generation, key)
      return of.flatMap(({ position, text }, i) =>
        text === (document?.text ?? null)
          ? [{ position, until: of[i + 1]?.position ?? forEver, of }]
          : [],
      )
    })
  }

  /** The last event of a document that this session wrote itself, and knew so at a moment. */
  #ownWrite(states: KeyStates, at: number): bigint {
    const since = this.#forgotAt(at)
    const own = new Set<bigint>()
    for (const { commandId, endedAt } of this.#wrote) {
      // What ended at the same moment may have ended after the question was asked: a session does several things at once.
      if (endedAt >= at || endedAt <= since) continue
      for (const position of this.#positions.get(commandId) ?? []) own.add(position)
    }
    return states.findLast(({ position }) => own.has(position))?.position ?? 0n
  }

  /** The newest state of a document that this session had seen by a moment. */
  #sawBefore(what: string, at: number): bigint {
    const since = this.#forgotAt(at)
    let highest = 0n
    for (const { of, position, endedAt } of this.#seen)
      if (of === what && endedAt < at && endedAt > since && position > highest) highest = position
    return highest
  }

  /** The last position of what was committed by a time of the database. */
  #committedBy(timeMs: number): bigint {
    const committed = this.#evidence.log.findLast(
      ({ committedAtMs }) => committedAtMs !== undefined && committedAtMs < timeMs,
    )
    return committed?.position ?? 0n
  }

  #forgotAt(now: number): number {
    const last = this.#evidence.forgotten.findLast(
      ({ session, at }) => session === this.#session && at <= now,
    )
    return last?.at ?? Number.NEGATIVE_INFINITY
  }

  #violation(invariant: string, text: string): Violation {
    return { invariant, text: `${this.#session}: ${text}` }
  }
}

const forEver = 2n ** 63n
