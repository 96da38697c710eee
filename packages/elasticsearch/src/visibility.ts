import type { Checkpoint } from 'tailrace/adapter'
import { checkpointId, checkpointState, type CheckpointState } from './checkpoint-record.ts'
import type { StateDocument, StateIndex } from './state-index.ts'

const visibleId = 'visible'

interface VisibleBody {
  readonly generation: string
  readonly ranges: Readonly<Record<string, string>>
}

type Positions = ReadonlyMap<number, bigint>

export interface VisibilityOptions {
  readonly state: StateIndex
  /** Makes what is written searchable, in all copies; throws where it did not. */
  readonly refresh: () => Promise<void>
  /** While nobody asks, a refresh is due this long after the last one that is known of. */
  readonly everyMs: number
  readonly isClosed: () => boolean
}

/**
 * How far searches see. A position is visible once a refresh that began after its checkpoint was read has ended. Processes
 * tell each other, so that what one has made visible needs no second refresh.
 */
export class Visibility {
  readonly #options: VisibilityOptions
  #generation: string | undefined
  #visible: Positions = new Map()
  /** What processes have told each other, as it was read or written last. */
  #told: Positions = new Map()
  /** When a refresh was last known to have moved something, on the monotonic clock. */
  #movedAt = performance.now()
  #showing: Promise<void> | undefined

  constructor(options: VisibilityOptions) {
    this.#options = options
  }

  /** Checkpoints with what is visible of them. */
  async checkpoints(): Promise<ReadonlyMap<number, Checkpoint>> {
    const { state, shown } = await this.#read()
    this.#take(state, shown)
    const found = new Map<number, Checkpoint>()
    let behind = false
    for (const [range, written] of state.ranges) {
      const visible = lower(this.#visible.get(range) ?? 0n, written.position)
      if (visible < written.position) behind = true
      found.set(range, { ...written, visible })
    }
    if (behind && performance.now() - this.#movedAt >= this.#options.everyMs)
      this.show().catch(() => undefined)
    return found
  }

  /** Makes visible what is written now. Callers at a time share one refresh: it may have begun before the later one wrote. */
  show(): Promise<void> {
    this.#showing ??= this.#show().finally(() => (this.#showing = undefined))
    return this.#showing
  }

  /** Resolves when no refresh is under way. */
  async settled(): Promise<void> {
    await this.#showing?.catch(() => undefined)
  }

  async #show(): Promise<void> {
    const { state, shown } = await this.#read()
    this.#take(state, shown)
    if (state.generation === undefined || !this.#isBehind(state)) return
    // Also when it fails: what is down is not asked at the pace of those who look.
    this.#movedAt = performance.now()
    await this.#options.refresh()
    const { generation } = state
    const ranges = new Map([...state.ranges].map(([range, { position }]) => [range, position]))
    if (generation !== this.#generation) return
    this.#visible = highest(this.#visible, ranges)
    await this.#tell(generation, shown)
  }

  /** Nobody waits for it: who was faster has told as much, or will. */
  async #tell(generation: string, shown: StateDocument | undefined): Promise<void> {
    if (this.#options.isClosed()) return
    const ranges = Object.fromEntries([...this.#visible].map(([range, at]) => [range, String(at)]))
    const body: VisibleBody = { generation, ranges }
    const told = this.#visible
    if (await this.#options.state.put(visibleId, { kind: visibleId, body }, shown))
      this.#told = told
  }

  async #read(): Promise<{ state: CheckpointState; shown: StateDocument | undefined }> {
    const found = await this.#options.state.get([checkpointId, visibleId])
    return { state: checkpointState(found.get(checkpointId)), shown: found.get(visibleId) }
  }

  #take({ generation, ranges }: CheckpointState, shown: StateDocument | undefined): void {
    const told = toldOf(generation, shown)
    // Both only grow, unless the engine went back to an older copy: then what was seen before it is not there any more. An
    // answer that another one overtook looks the same, and costs a refresh at most.
    const wentBack =
      [...ranges].some(([range, { position }]) => position < (this.#visible.get(range) ?? 0n)) ||
      [...this.#told].some(([range, at]) => (told.get(range) ?? 0n) < at)
    this.#told = told
    if (generation !== this.#generation || wentBack) {
      this.#generation = generation
      this.#visible = new Map()
    }
    const both = highest(this.#visible, told)
    const moved = [...both].some(([range, at]) => at !== this.#visible.get(range))
    if (moved) this.#movedAt = performance.now()
    this.#visible = both
  }

  #isBehind({ ranges }: CheckpointState): boolean {
    return [...ranges].some(([range, { position }]) => (this.#visible.get(range) ?? 0n) < position)
  }
}

/** What was told of this generation. */
function toldOf(generation: string | undefined, shown: StateDocument | undefined): Positions {
  const body = shown?.body as VisibleBody | undefined
  if (body === undefined || body.generation !== generation) return new Map()
  return new Map(Object.entries(body.ranges).map(([range, at]) => [Number(range), BigInt(at)]))
}

function lower(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function highest(a: Positions, b: Positions): Positions {
  const both = new Map(a)
  for (const [range, at] of b) if (at > (both.get(range) ?? -1n)) both.set(range, at)
  return both
}
