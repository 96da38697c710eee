import { TailraceError } from 'tailrace/adapter'
import type { EngineClient } from './engine-client.ts'
import { reasonText } from './engine-error.ts'
import { adminMs } from './index-admin.ts'
import type { VersionNames } from './index-names.ts'
import type { LoadTurn } from './load-turn.ts'

const racesMax = 5

/**
 * The mark of a bulk load: an alias of the state index. What was there before a load is removed in one step with its mark,
 * or not at all: a load that takes over takes the marks of those before it, so that a removal which they have asked for and
 * the engine does late finds no mark. The engine knows no other condition for removing an index.
 */
export class LoadMark {
  readonly #client: EngineClient
  readonly #names: VersionNames

  constructor(client: EngineClient, names: VersionNames) {
    this.#client = client
    this.#names = names
  }

  /** Marks a load instead of those that it took over from. */
  async set(load: LoadTurn): Promise<void> {
    const { state: index } = this.#names
    const actions = [
      ...load.older.map((token) => ({
        remove: { index, alias: this.#alias(token), must_exist: false },
      })),
      { add: { index, alias: this.#alias(load.token) } },
    ]
    await this.#client.request('POST', '/_aliases', { actions }, { timeoutMs: adminMs })
  }

  /** Removes indices and the mark. Throws `PROJECTION_FENCED` when the mark is gone. */
  async remove(load: LoadTurn, list: () => Promise<readonly string[]>): Promise<void> {
    let reason = ''
    for (let race = 0; race < racesMax; race++) {
      const actions = [
        {
          remove: { index: this.#names.state, alias: this.#alias(load.token), must_exist: true },
        },
        ...(await list()).map((index) => ({ remove_index: { index } })),
      ]
      const { status, body } = await this.#client.request(
        'POST',
        '/_aliases',
        { actions },
        { allow: [404], timeoutMs: adminMs },
      )
      if (status !== 404) return
      await load.assertLast()
      // Somebody else removed one of the indices in between.
      reason = reasonText(body?.error)
    }
    throw new TailraceError(
      'UNAVAILABLE',
      `expected to empty "${this.#names.docs}" within ${racesMax} attempts, got ${reason}`,
      { retryable: true },
    )
  }

  #alias(token: string): string {
    return `${this.#names.docs}.load.${token}`
  }
}
