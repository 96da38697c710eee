import { createHash, randomUUID } from 'node:crypto'
import { decodeToken, encodeToken, TailraceError, validateNow } from 'tailrace/adapter'
import type { App } from 'tailrace'
import type {
  AnyProjectionDef,
  CommandOptions,
  CommandOutcome,
  CommandStatus,
  Engine,
  EngineStatus,
  QueryOptions,
  QueryOutcome,
} from 'tailrace/adapter'
import {
  isRejected,
  rejecters,
  type AnyCommandDef,
} from '../../packages/tailrace/src/declare/command.ts'
import { judge, reasonOf } from '../../packages/tailrace/src/declare/actor.ts'
import type { Envelope } from '../../packages/tailrace/src/declare/envelope.ts'
import { expectedText, isExpected } from '../../packages/tailrace/src/write/expected-version.ts'
import type { NewEvent } from '../../packages/tailrace/src/declare/event.ts'
import { emptyRows, writeRows, type Rows } from './memory-rows.ts'

type Recorded = {
  readonly fingerprint: string
  readonly name: string
  readonly outcome: CommandOutcome
  readonly position: bigint
}

const history = { systemId: '00000000000000aa', epoch: 1 }

/**
 * An engine of an application that keeps everything in memory and applies events when told to: `held` projections stay
 * behind until `release`. For tests of surfaces and clients, which need a read model that lags on purpose.
 */
export class MemoryEngine implements Engine {
  readonly app: App
  readonly log: Envelope[] = []
  /** Commands that were received, in order, with their options. */
  readonly received: { readonly name: string; readonly options: CommandOptions }[] = []
  readonly #aggregates = new Map<string, { version: number; rows: Rows }>()
  readonly #records = new Map<string, Recorded>()
  readonly #projections = new Map<
    string,
    { position: bigint; held: boolean; documents: Map<string, unknown> }
  >()
  readonly #listeners = new Set<(projection: string, position: bigint) => void>()
  #unavailable = false
  #waiting = 0

  constructor(app: App) {
    this.app = app
    for (const name of app.projections.keys())
      this.#projections.set(name, { position: 0n, held: false, documents: new Map() })
  }

  metrics(): string {
    return `cqrs_log_head_position ${this.head}\n`
  }

  /** Queries that wait for a position now. */
  get waiting(): number {
    return this.#waiting
  }

  get listeners(): number {
    return this.#listeners.size
  }

  get head(): bigint {
    return BigInt(this.log.length)
  }

  hold(projection: string): void {
    this.#projections.get(projection)!.held = true
  }

  /** Lets a projection apply what it missed, up to a position. Default: all. */
  release(projection: string, upTo: bigint = this.head): void {
    const state = this.#projections.get(projection)!
    state.held = upTo < this.head
    this.#apply(this.app.projections.get(projection)!, upTo)
  }

  /** Tells the listeners that a projection has moved, without an event. */
  announce(projection: string, position: bigint): void {
    for (const listener of this.#listeners) listener(projection, position)
  }

  breakDown(): void {
    this.#unavailable = true
  }

  async command(
    name: string,
    input: unknown,
    options: CommandOptions = {},
  ): Promise<CommandOutcome> {
    this.received.push({ name, options })
    if (this.#unavailable)
      throw new TailraceError('UNAVAILABLE', 'the write database does not answer', {
        retryable: true,
      })
    const def = this.app.commands[name] as AnyCommandDef | undefined
    if (def === undefined)
      return { kind: 'refused', code: 'COMMAND_UNKNOWN', message: `no command "${name}"` }
    const commandId = commandIdOf(options)
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([name, input]))
      .digest('hex')
    const known = this.#records.get(commandId)
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint)
        return {
          kind: 'refused',
          code: 'IDEMPOTENCY_KEY_REUSED',
          message: 'the key was used with another input',
          commandId,
        }
      return { ...known.outcome, replayed: true } as CommandOutcome
    }
    const outcome = this.#decide(def, commandId, input, options)
    if (outcome.kind !== 'refused')
      this.#records.set(commandId, { fingerprint, name, outcome, position: this.head })
    for (const projection of this.app.projections.values())
      if (!this.#projections.get(projection.name)!.held) this.#apply(projection, this.head)
    return outcome
  }

  #decide(
    def: AnyCommandDef,
    commandId: string,
    given: unknown,
    { actor, expectedVersion, traceparent }: CommandOptions,
  ): CommandOutcome {
    const valid = validateNow(def.input, given)
    if (!valid.ok)
      return {
        kind: 'refused',
        code: 'INPUT_INVALID',
        message: 'the input does not fit',
        issues: valid.issues,
      }
    const input = valid.value
    const id = def.target(input as never)
    const found = this.#aggregates.get(id)
    if (found === undefined && def.on === 'existing')
      return {
        kind: 'refused',
        code: 'NOT_FOUND',
        message: `no ${def.aggregate.name} "${id}"`,
        commandId,
      }
    const verdict = judge(def.may, actor, () => ({ input, rows: found?.rows }), def)
    if (verdict === 'not-authenticated')
      return { kind: 'refused', code: 'NOT_AUTHENTICATED', message: 'an identity is needed' }
    if (verdict !== 'allowed')
      return { kind: 'refused', code: 'NOT_ALLOWED', message: `not allowed${reasonOf(verdict)}` }
    if (expectedVersion !== undefined && !isExpected(expectedVersion, found?.version ?? 0)) {
      return {
        kind: 'refused',
        code: 'VERSION_CONFLICT',
        message: `expected ${expectedText(expectedVersion)}, got ${found?.version ?? 0}`,
        current: found?.version ?? 0,
      }
    }
    if (found !== undefined && def.on === 'new') {
      return {
        kind: 'rejected',
        commandId,
        code: def.exists ?? 'AGGREGATE_EXISTS',
        rejection: 'conflict',
        detail: undefined,
        replayed: false,
      }
    }
    const now = new Date(Date.UTC(2026, 0, 1) + this.log.length).toISOString()
    const newId = (n: number): string => `${commandId.slice(0, -4)}${String(n).padStart(4, '0')}`
    const decided = def.decide({
      input,
      rows: found?.rows,
      actor,
      now,
      commandId,
      newId,
      reject: rejecters(def.rejections, { last: undefined }),
    } as never)
    if (isRejected(decided)) {
      return {
        kind: 'rejected',
        commandId,
        code: decided.code,
        rejection: decided.kind,
        detail: decided.detail,
        replayed: false,
      }
    }
    const state = found ?? { version: 0, rows: emptyRows(def) }
    this.#aggregates.set(id, state)
    for (const event of [decided].flat() as NewEvent[])
      this.#record(def, state, id, commandId, event, now, traceparent)
    const token = encodeToken({ ...history, kind: 'xid', value: this.head, slots: [] })
    return {
      kind: 'committed',
      commandId,
      aggregateId: id,
      version: state.version,
      token,
      replayed: false,
    }
  }

  #record(
    def: AnyCommandDef,
    state: { version: number; rows: Rows },
    id: string,
    commandId: string,
    event: NewEvent,
    at: string,
    traceparent: string | undefined,
  ): void {
    state.version++
    writeRows(state.rows, def, event, { id, version: state.version })
    this.log.push({
      ...event,
      id: `${commandId}/${this.log.length}`,
      aggregate: def.aggregate.name,
      stream: id,
      version: state.version,
      position: this.head + 1n,
      slot: 0,
      at,
      correlationId: commandId,
      ...(traceparent === undefined ? {} : { traceparent }),
    })
  }

  #apply(def: AnyProjectionDef, upTo: bigint): void {
    const state = this.#projections.get(def.name)!
    for (const event of this.log.slice(Number(state.position), Number(upTo))) {
      for (const key of def.keysOf(event as never)) {
        const handler = def.on[event.type] as
          | ((event: unknown, doc: unknown, key: string) => unknown)
          | undefined
        const made = handler?.(event, state.documents.get(key), key)
        if (made === null) state.documents.delete(key)
        else if (made !== undefined) state.documents.set(key, Object.freeze(made))
      }
      state.position = event.position
    }
    for (const listener of this.#listeners) listener(def.name, state.position)
  }

  async commandStatus(commandId: string): Promise<CommandStatus | undefined> {
    const record = this.#records.get(commandId)
    if (record === undefined) return undefined
    const { name, outcome, position } = record
    if (outcome.kind === 'rejected') {
      return {
        commandId,
        name,
        state: 'rejected',
        rejection: { code: outcome.code, detail: outcome.detail },
        projections: {},
      }
    }
    const projections = Object.fromEntries(
      [...this.#projections].map(
        ([key, state]) => [key, state.position >= position ? 'applied' : 'pending'] as const,
      ),
    )
    const version = outcome.kind === 'committed' ? outcome.version : 0
    const aggregateId = outcome.kind === 'committed' ? outcome.aggregateId : ''
    return {
      commandId,
      name,
      state: 'committed',
      aggregateId,
      position: String(position),
      version,
      projections,
    }
  }

  async query(name: string, input: unknown, options: QueryOptions = {}): Promise<QueryOutcome> {
    const def = this.app.queries[name]
    if (def === undefined)
      return { kind: 'refused', code: 'QUERY_UNKNOWN', message: `no query "${name}"` }
    const valid = validateNow(def.input, input)
    if (!valid.ok)
      return {
        kind: 'refused',
        code: 'INPUT_INVALID',
        message: 'the input does not fit',
        issues: valid.issues,
      }
    const verdict = judge(def.may, options.actor, () => ({ input: valid.value }), def)
    if (verdict !== 'allowed')
      return {
        kind: 'refused',
        code: verdict === 'not-authenticated' ? 'NOT_AUTHENTICATED' : 'NOT_ALLOWED',
        message: `the actor may not ask "${name}"${reasonOf(verdict)}`,
      }
    let wanted = options.consistency === 'strict' ? this.head : 0n
    try {
      for (const text of options.tokens ?? []) {
        const token = decodeToken(text)
        const foreign =
          token.systemId !== history.systemId ||
          token.epoch !== history.epoch ||
          token.value > this.head
        if (foreign)
          return {
            kind: 'refused',
            code: 'TOKEN_OF_ANOTHER_HISTORY',
            message: 'the token belongs to another history',
          }
        if (token.value > wanted) wanted = token.value
      }
    } catch (error) {
      return { kind: 'refused', code: 'INVALID_TOKEN', message: (error as Error).message }
    }
    const reads = Object.values(def.reads) as AnyProjectionDef[]
    const there = await this.#reached(reads, wanted, options.waitMs ?? 20, options.signal)
    if (!there && options.consistency === 'strict')
      return {
        kind: 'refused',
        code: 'NOT_CAUGHT_UP',
        message: 'not caught up',
        retryAfterMs: 1500,
      }
    const readers = Object.fromEntries(
      Object.entries(def.reads).map(([key, read]) => [
        key,
        this.#reader((read as AnyProjectionDef).name),
      ]),
    )
    const context = {
      actor: options.actor,
      signal: options.signal ?? new AbortController().signal,
      now: '2026-01-01T00:00:00.000Z',
    }
    const data = await def.run(readers as never, valid.value as never, context as never)
    const position = this.#lowest(reads)
    const lagMs = position < this.head ? 1200 : 0
    const meta = {
      position: String(position),
      asOf: '2026-01-01T00:00:00.000Z',
      lagMs,
      stale: !there,
      ...(there ? {} : { behindToken: true as const }),
      reads: Object.fromEntries(
        reads.map((read) => [
          read.name,
          {
            position: String(this.#projections.get(read.name)!.position),
            lagMs,
            state: 'live' as const,
          },
        ]),
      ),
    }
    return {
      kind: 'answer',
      data,
      meta,
      token: encodeToken({ ...history, kind: 'position', value: position, slots: [] }),
      waitedMs: 0,
    }
  }

  #lowest(reads: readonly AnyProjectionDef[]): bigint {
    return reads
      .map((read) => this.#projections.get(read.name)!.position)
      .reduce((a, b) => (a < b ? a : b))
  }

  #reached(
    reads: readonly AnyProjectionDef[],
    wanted: bigint,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    if (this.#lowest(reads) >= wanted) return Promise.resolve(true)
    this.#waiting++
    return new Promise((resolve) => {
      let settled = false
      const settle = (there: boolean): void => {
        if (settled) return
        settled = true
        this.#waiting--
        stop()
        clearTimeout(timer)
        resolve(there)
      }
      const stop = this.onAdvance(() => this.#lowest(reads) >= wanted && settle(true))
      const timer = setTimeout(() => settle(false), waitMs)
      signal?.addEventListener('abort', () => settle(false), { once: true })
    })
  }

  #reader(projection: string): { get(key: string): Promise<unknown> } {
    return { get: async (key) => this.#projections.get(projection)!.documents.get(key) }
  }

  async status(): Promise<EngineStatus> {
    const projections = [...this.#projections].map(
      ([name, { position }]) =>
        [
          name,
          {
            version: 1,
            store: 'memory',
            state: 'live' as const,
            position: String(position),
            lagMs: 0,
            lagEvents: Number(this.head - position),
            lagParts: { sequenced: 0, applied: 0, visible: 0 },
            sloMs: 500,
            sloBroken: false,
            parkedKeys: 0,
            owners: ['me'],
            lastError: 'secret row',
          },
        ] as const,
    )
    return {
      head: {
        position: String(this.head),
        at: '2026-01-01T00:00:00.000Z',
        unsequenced: 0,
        sequencer: 'active',
      },
      projections: Object.fromEntries(projections),
      reactors: {
        mailer: {
          state: 'live',
          position: String(this.head),
          lagMs: 0,
          lagEvents: 0,
          givenUp: 1,
          repeating: 0,
          recent: [
            {
              eventId: 'c/1',
              error: 'secret address',
              at: '2026-01-01T00:00:00.000Z',
              repeating: false,
            },
          ],
          owners: ['me'],
        },
      },
    }
  }

  onAdvance(listener: (projection: string, position: bigint) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async ready(): Promise<void> {
    if (this.#unavailable)
      throw new TailraceError('UNAVAILABLE', 'the write database does not answer', {
        retryable: true,
      })
  }

  async setPaused(): Promise<void> {}

  async repeatGivenUp(): Promise<number> {
    return 0
  }

  async skipGivenUp(): Promise<number> {
    return 0
  }
}

function commandIdOf({ idempotencyKey, actor }: CommandOptions): string {
  if (idempotencyKey === undefined) return randomUUID()
  const hex = createHash('sha256')
    .update(JSON.stringify([actor?.role, actor?.id, idempotencyKey]))
    .digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
