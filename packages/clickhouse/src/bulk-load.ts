import { randomUUID } from 'node:crypto'
import { TailraceError } from 'tailrace/adapter'
import { checkpointsOf } from './checkpoint-moves.ts'
import { nothing, type StateRow, type StoredRow } from './state-log.ts'

/** Which rows of a version's state tell of a bulk load under way. */
export const loadRows = "kind = 'load'"

/**
 * One bulk load of a version. Its token is in the version's state from its begin to its end: a load that begins later, under
 * the same fence or a higher one, puts its own there, and the earlier one is refused from then on.
 */
export class BulkLoad {
  readonly #where: string
  readonly #fence: bigint
  readonly #token = randomUUID()

  constructor(where: string, fence: bigint) {
    this.#where = where
    this.#fence = fence
  }

  /** The change that begins it. Throws `CONFIG` when the version has been started, `PROJECTION_FENCED` under a lower fence. */
  begin(rows: readonly StoredRow[]): StateRow[] {
    if (checkpointsOf(rows).size > 0)
      throw new TailraceError(
        'CONFIG',
        `expected ${this.#where} to be empty before a bulk load, got checkpoints; drop the version first`,
      )
    const other = loadOf(rows)
    if (other !== undefined && other.fence > this.#fence)
      throw this.#overtaken(`one under fence ${other.fence}, which is above ${this.#fence}`)
    return [this.#row(false)]
  }

  /** The change that ends it. Throws `PROJECTION_FENCED` when another one began after it. */
  end(rows: readonly StoredRow[]): StateRow[] {
    this.assertLast(rows)
    return [this.#row(true)]
  }

  /** Throws `PROJECTION_FENCED` when another one began after it. */
  assertLast(rows: readonly StoredRow[]): void {
    if (loadOf(rows)?.body !== this.#token) throw this.#overtaken('another one that began later')
  }

  #row(gone: boolean): StateRow {
    return { ...nothing, kind: 'load', key: '', gone, fence: this.#fence, body: this.#token }
  }

  #overtaken(got: string): TailraceError {
    return new TailraceError(
      'PROJECTION_FENCED',
      `expected to be the only bulk load of ${this.#where}, got ${got}; this one stops`,
      { retryable: true },
    )
  }
}

function loadOf(rows: readonly StoredRow[]): StoredRow | undefined {
  return rows.find(({ kind }) => kind === 'load')
}
