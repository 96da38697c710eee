import type { AnyProjectionDef } from '../src/declare/projection.ts'
import { TailraceError } from '../src/errors.ts'
import type { DocumentReader } from '../src/ports/reader.ts'
import type { Checkpoint, ParkedKey, ProjectionStore, ReadStore } from '../src/ports/read-store.ts'

/** A read store of which a test says how far it is: for the logic that looks at checkpoints. */
export class ManualStore implements ReadStore {
  readonly kind = 'read-store'
  readonly name = 'manual'
  readonly guarantee = 'transactional'
  get capabilities() {
    const visibleOnWrite = this.shows === undefined
    return { find: false, text: false, facets: false, sql: false, rows: false, visibleOnWrite }
  }

  readonly checkpoints = new Map<number, Checkpoint>()
  readonly documents = new Map<string, unknown>()
  parked: ParkedKey[] = []
  live: number | undefined = 1
  /** A version that was built with other documents: the code of this test cannot read it. */
  ofOtherCode: number | undefined
  mood: 'up' | 'down' | 'hung' = 'up'
  history = '00000000000000aa/1'
  /** Called while a query reads: what happens between its start and its end. */
  whileReading: () => void = () => undefined
  asked = 0
  /** Set: what is written is visible after a step of its own, and this counts how often it was asked for. */
  shows: { asked: number } | undefined

  /** Puts ranges at a position; all four by default. */
  move(position: bigint, ranges: readonly number[] = [0, 1, 2, 3]): void {
    for (const range of ranges)
      this.checkpoints.set(range, {
        position,
        visible: this.shows === undefined ? position : (this.checkpoints.get(range)?.visible ?? 0n),
        fence: 1n,
        history: this.history,
        updatedAtMs: 0,
      })
  }

  async open({ name, version }: AnyProjectionDef): Promise<ProjectionStore> {
    await this.#mood()
    if (version === this.ofOtherCode)
      throw new TailraceError(
        'CONFIG',
        `expected the documents of "${name}" ${version} as declared`,
      )
    const reader: DocumentReader<unknown> = {
      get: async (key) => {
        await this.#mood()
        this.whileReading()
        return this.documents.get(key)
      },
      getMany: async (keys) => keys.map((key) => this.documents.get(key)),
      find: async () => ({
        items: [...this.documents.values()],
        next: undefined,
        total: undefined,
        facets: {},
      }),
    }
    const store: Partial<ProjectionStore> = {
      checkpoints: async () => {
        this.asked++
        await this.#mood()
        return new Map(this.checkpoints)
      },
      parked: async (keys) =>
        this.parked.filter(({ key }) => keys === undefined || keys.includes(key)),
      reader: () => reader as never,
      makeVisible: async () => {
        await this.#mood()
        this.shows!.asked++
        for (const [range, one] of this.checkpoints)
          this.checkpoints.set(range, { ...one, visible: one.position })
      },
    }
    return store as ProjectionStore
  }

  async liveVersion(): Promise<number | undefined> {
    await this.#mood()
    return this.live
  }

  async #mood(): Promise<void> {
    if (this.mood === 'down') throw new Error('store refused')
    if (this.mood === 'hung') await new Promise(() => undefined)
  }

  async switchTo(): Promise<boolean> {
    return true
  }
  async versions(): Promise<number[]> {
    return [1]
  }
  async drop(): Promise<void> {}
  async ping(): Promise<void> {}
  async close(): Promise<void> {}
}
