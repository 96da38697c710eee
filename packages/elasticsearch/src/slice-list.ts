import { TailraceError } from 'tailrace/adapter'
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

  add(name: string): Promise<void> {
    return this.#change((names) => (names.includes(name) ? names : [...names, name].toSorted()))
  }

  remove(gone: readonly string[]): Promise<void> {
    return this.#change((names) => names.filter((name) => !gone.includes(name)))
  }

  async #find(): Promise<StateDocument | undefined> {
    return (await this.#state.get([listId])).get(listId)
  }

  async #change(change: (names: readonly string[]) => readonly string[]): Promise<void> {
    for (let race = 0; race < racesMax; race++) {
      const found = await this.#find()
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
