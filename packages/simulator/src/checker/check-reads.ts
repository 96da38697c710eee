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
  readonly #positions: ReadonlyMap<string, bigint>
  /** The highest position that this session knows of as its own write. */
  #wrote: { readonly commandId: string; readonly endedAt: number }[] = []
  readonly #seen = new Map<string, { readonly position: bigint; readonly endedAt: number }>()

  constructor(session: string, evidence: ReadEvidence) {
    this.#session = session
    this.#evidence = evidence
    this.#positions = new Map(evidence.log.map((event) => [event.commandId, event.position]))
  }

  *next(operation: Operation): Generator<Violation> {
    this.#forget(operation.invokedAt)
    const { outcome, endedAt } = operation
    if (operation.kind === 'command') {
      if (operation.outcome?.kind === 'ok')
        this.#wrote.push({ commandId: operation.outcome.commandId, endedAt: endedAt! })
      return
    }
    if (outcome === undefined || outcome.kind === 'info') return
    const { waitMs, query } = operation
    const { tookMs, stoodStill } = outcome as Answer
    const most = Math.max(waitMs, 2_000) + this.#evidence.answerWithinMs
    if (!stoodStill && tookMs > most)
      yield this.#violation('I18', `${query} took ${tookMs} ms, and may take ${most}`)
    if (outcome.kind === 'answer') yield* this.#answered(operation, outcome)
  }

  *#answered(operation: QueryOperation, answer: Answer): Generator<Violation> {
    const { projection, key, withTokens, endedAt } = operation
    const states = this.#statesFor(operation, answer)
    if (states.length === 0) {
      const { text } = answer.document!
      yield this.#violation('I17', `${projection} of ${key} is no state of it: ${text}`)
      return
    }
    if (answer.parked) return
    const claims: [string, string, bigint][] = [
      ['I17', `the answer claims position ${answer.position}`, answer.position],
      ['I17', `the answer claims to be as of ${answer.asOfMs}`, this.#committedBy(answer.asOfMs)],
    ]
    if (withTokens && !answer.behindToken) {
      const wrote = this.#ownWrite(states[0]!.of)
      claims.push(['I13', `the session wrote ${wrote}`, wrote])
      const seen = this.#seen.get(`${projection} ${key}`)?.position ?? 0n
      claims.push(['I14', `the session saw ${seen}`, seen])
    }
    for (const [invariant, text, position] of claims) {
      if (states.some(({ until }) => position < until)) continue
      const shown = states.at(-1)!.position
      yield this.#violation(invariant, `${projection} of ${key} shows ${shown}, and ${text}`)
    }
    if (withTokens && !answer.behindToken)
      this.#seen.set(`${projection} ${key}`, { position: states[0]!.position, endedAt: endedAt! })
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

  /** The last event of a document that this session wrote itself. */
  #ownWrite(states: KeyStates): bigint {
    const own = new Set(this.#wrote.map(({ commandId }) => this.#positions.get(commandId)))
    const written = this.#evidence.log.filter(({ commandId }) =>
      this.#wrote.some((write) => write.commandId === commandId),
    )
    for (const { position } of written) own.add(position)
    return states.findLast(({ position }) => own.has(position))?.position ?? 0n
  }

  /** The last position of what was committed by a time of the database. */
  #committedBy(timeMs: number): bigint {
    const committed = this.#evidence.log.findLast(
      ({ committedAtMs }) => committedAtMs !== undefined && committedAtMs < timeMs,
    )
    return committed?.position ?? 0n
  }

  #forget(now: number): void {
    const last = this.#evidence.forgotten.findLast(
      ({ session, at }) => session === this.#session && at <= now,
    )
    if (last === undefined) return
    this.#wrote = this.#wrote.filter(({ endedAt }) => endedAt > last.at)
    for (const [key, { endedAt }] of this.#seen) if (endedAt <= last.at) this.#seen.delete(key)
  }

  #violation(invariant: string, text: string): Violation {
    return { invariant, text: `${this.#session}: ${text}` }
  }
}

const forEver = 2n ** 63n
