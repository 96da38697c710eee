import { randomUUID } from 'node:crypto'
import { TailraceError, type CheckpointMove, type LogIdentityText } from 'tailrace/adapter'
import { movedCheckpoints, type Written } from './checkpoint-moves.ts'
import type { LoadTurn } from './load-turn.ts'
import type { StateDocument, StateIndex } from './state-index.ts'

export const checkpointId = 'checkpoints'

/** All checkpoints of a version, as one document: its moves happen together, or none of them. */
interface CheckpointBody {
  /** Made with the first checkpoint: tells a version from another one that was made anew under its name. */
  readonly generation: string
  readonly ranges: Readonly<Record<string, RangeBody>>
  /** The bulk load under way. */
  readonly load?: LoadBody
}

interface LoadBody {
  readonly token: string
  readonly fence: string
  /** Tokens of loads before it, until nothing that they asked for can still happen. */
  readonly older?: readonly string[]
}

interface RangeBody {
  readonly position: string
  readonly fence: string
  readonly history: string
  readonly updatedAtMs: number
}

/** Checkpoints as they were read. */
export interface CheckpointState {
  readonly generation: string | undefined
  readonly ranges: ReadonlyMap<number, Written>
  readonly document: StateDocument | undefined
  readonly load: LoadBody | undefined
}

/** Workers of different ranges write one document: how often a move is tried again because another one was faster. */
const racesMax = 50

/** Reads and moves the checkpoints of a version. */
export class CheckpointRecord {
  readonly #state: StateIndex
  readonly #history: LogIdentityText
  readonly #where: string
  #known: CheckpointState | undefined

  constructor(state: StateIndex, history: LogIdentityText, where: string) {
    this.#state = state
    this.#history = history
    this.#where = where
  }

  /** As they are now. */
  async read(): Promise<CheckpointState> {
    const found = checkpointState((await this.#state.get([checkpointId])).get(checkpointId))
    // Answers may overtake each other.
    if (this.#known === undefined || isNewer(found.document, this.#known.document))
      this.#known = found
    return found
  }

  /** What was read last may be old: after an error nothing is known. */
  forget(): void {
    this.#known = undefined
  }

  /** Whether moves may be made, by what is known, or as it is now. Throws `PROJECTION_FENCED`. */
  async check(moves: readonly CheckpointMove[], now: boolean): Promise<void> {
    const known = this.#known
    if (!now && known !== undefined && this.#allows(known, moves)) return
    movedCheckpoints((await this.read()).ranges, moves, this.#history, this.#where)
  }

  /**
   * Begins a bulk load. It takes over from one that is under way under the same fence or a lower one.
   * Throws `PROJECTION_FENCED` when the version has been started, or under a lower fence.
   */
  async beginLoad(fence: bigint): Promise<LoadTurn> {
    const token = randomUUID()
    for (let race = 0; race < racesMax; race++) {
      const current = await this.read()
      if (current.ranges.size > 0) throw this.#overtaken('checkpoints of one that has ended')
      if (current.load !== undefined && BigInt(current.load.fence) > fence)
        throw this.#overtaken(`one under fence ${current.load.fence}, which is above ${fence}`)
      const older =
        current.load === undefined ? [] : [...(current.load.older ?? []), current.load.token]
      const load: LoadBody = { token, fence: String(fence), older }
      if (await this.#putLoad(current, load))
        return {
          token,
          older,
          assertLast: async () => void this.#lastLoad(await this.read(), token),
        }
    }
    throw this.#tooManyRaces()
  }

  /** Forgets the loads before this one: nothing that they asked for can still happen. Throws `PROJECTION_FENCED`. */
  async forgetOlderLoads({ token }: LoadTurn): Promise<void> {
    for (let race = 0; race < racesMax; race++) {
      const current = await this.read()
      const { fence } = this.#lastLoad(current, token)
      if (await this.#putLoad(current, { token, fence })) return
    }
    throw this.#tooManyRaces()
  }

  async #putLoad(current: CheckpointState, load: LoadBody): Promise<boolean> {
    const generation = current.generation ?? randomUUID()
    const body: CheckpointBody = { generation, ranges: {}, load }
    this.#known = undefined
    const source = { kind: 'checkpoints', body }
    return (await this.#state.put(checkpointId, source, current.document)) !== undefined
  }

  #lastLoad({ load }: CheckpointState, token: string): LoadBody {
    if (load?.token === token) return load
    throw this.#overtaken('another one that began later')
  }

  #overtaken(got: string): TailraceError {
    return new TailraceError(
      'PROJECTION_FENCED',
      `expected to be the only bulk load of ${this.#where}, got ${got}; this one stops`,
      { retryable: true },
    )
  }

  #tooManyRaces(): TailraceError {
    return new TailraceError(
      'UNAVAILABLE',
      `expected to move the checkpoints of ${this.#where} within ${racesMax} attempts, got other workers each time`,
      { retryable: true },
    )
  }

  /** Moves checkpoints, all or none; `token`: those that end this bulk load. Throws `PROJECTION_FENCED`. */
  async move(moves: readonly CheckpointMove[], token?: string): Promise<void> {
    let current =
      this.#known !== undefined && this.#allows(this.#known, moves)
        ? this.#known
        : await this.read()
    for (let race = 0; race < racesMax; race++) {
      if (token !== undefined) this.#lastLoad(current, token)
      const ranges = movedCheckpoints(current.ranges, moves, this.#history, this.#where)
      const generation = current.generation ?? randomUUID()
      const body: CheckpointBody = { generation, ranges: bodyOf(ranges) }
      this.#known = undefined
      const document = await this.#state.put(
        checkpointId,
        { kind: 'checkpoints', body },
        current.document,
      )
      if (document !== undefined) {
        this.#known = { generation, ranges, document, load: undefined }
        return
      }
      current = await this.read()
    }
    throw this.#tooManyRaces()
  }

  #allows(known: CheckpointState, moves: readonly CheckpointMove[]): boolean {
    try {
      movedCheckpoints(known.ranges, moves, this.#history, this.#where)
      return true
    } catch {
      return false
    }
  }
}

/** The checkpoints that a state document holds. */
export function checkpointState(document: StateDocument | undefined): CheckpointState {
  const body = document?.body as CheckpointBody | undefined
  return {
    generation: body?.generation,
    document,
    load: body?.load,
    ranges: new Map(Object.entries(body?.ranges ?? {}).map(rangeOf)),
  }
}

function isNewer(a: StateDocument | undefined, b: StateDocument | undefined): boolean {
  if (a === undefined || b === undefined) return b === undefined
  return a.term > b.term || (a.term === b.term && a.seqNo > b.seqNo)
}

function bodyOf(ranges: ReadonlyMap<number, Written>): Record<string, RangeBody> {
  return Object.fromEntries(
    [...ranges].map(([range, { position, fence, history, updatedAtMs }]) => [
      range,
      { position: String(position), fence: String(fence), history, updatedAtMs },
    ]),
  )
}

function rangeOf([range, body]: [string, RangeBody]): [number, Written] {
  const { position, fence, history, updatedAtMs } = body
  return [Number(range), { position: BigInt(position), fence: BigInt(fence), history, updatedAtMs }]
}
