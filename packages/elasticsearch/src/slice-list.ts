import { TailraceError } from 'tailrace/adapter'
import type { LoadTurn } from './load-turn.ts'
import type { StateDocument, StateIndex } from './state-index.ts'

const listId = 'slices'
const racesMax = 20

interface ListBody {
  readonly names: readonly string[]
}

/**
 * The slices of a version, in a document that is always read as it is now: a slice is listed before anything is written to
 * it, so that no document is overlooked by a worker that takes over.
 */
export class SliceList {
  readonly #state: StateIndex

  constructor(state: StateIndex) {
    this.#state = state
  }

  async read(): Promise<readonly string[]> {
    return namesOf(await this.#find())
  }

  add(name: string, load?: LoadTurn): Promise<void> {
    return this.#change(
      (names) => (names.includes(name) ? names : [...names, name].toSorted()),
      load,
    )
  }

  /** Of a bulk load that begins. */
  clear(load: LoadTurn): Promise<void> {
    return this.#change(() => [], load)
  }

  remove(gone: readonly string[]): Promise<void> {
    return this.#change((names) => names.filter((name) => !gone.includes(name)))
  }

  async #find(): Promise<StateDocument | undefined> {
    return (await this.#state.get([listId])).get(listId)
  }

  /** For a bulk load: between look and write it is still the last one, so that the list is not that of a later one. */
  async #change(
    change: (names: readonly string[]) => readonly string[],
    load?: LoadTurn,
  ): Promise<void> {
    for (let race = 0; race < racesMax; race++) {
      const found = await this.#find()
      await load?.assertLast()
      const names = change(namesOf(found))
      if (names.join() === namesOf(found).join()) return
      const body: ListBody = { names }
      if ((await this.#state.put(listId, { kind: listId, body }, found)) !== undefined) return
    }
    throw new TailraceError(
      'UNAVAILABLE',
      `expected to change the list of slices within ${racesMax} attempts, got others changing it`,
      { retryable: true },
    )
  }
}

function namesOf(document: StateDocument | undefined): readonly string[] {
  return (document?.body as ListBody | undefined)?.names ?? []
}
