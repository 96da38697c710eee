import { randomUUID } from 'node:crypto'
import { TailraceError } from 'tailrace/adapter'
import { checkpointsOf } from './checkpoint-moves.ts'
import { nothing, type StateRow, type StoredRow } from './state-log.ts'

/** Which rows of a version's state tell of bulk loads. */
export const loadRows = "kind = 'load'"

/**
 * One bulk load of a version. Its token is in the version's state from its begin to its end: a load that begins later, under
 * the same fence or a higher one, puts its own there, and the earlier one is refused from then on. The token of an earlier
 * one stays there until nothing that it asked for can still happen.
 */
export class BulkLoad {
  readonly token = randomUUID().replaceAll('-', '')
  readonly #where: string
  readonly #fence: bigint
  #overtook: readonly StoredRow[] = []
  #number = 0n

  constructor(where: string, fence: bigint) {
    this.#where = where
    this.#fence = fence
  }

  /** The change that begins it. Throws `PROJECTION_FENCED` when the version has been started, or under a lower fence. */
  begin(rows: readonly StoredRow[]): StateRow[] {
    if (checkpointsOf(rows).size > 0) throw this.#overtaken('checkpoints of one that has ended')
    const last = lastOf(rows)
    if (last !== undefined && last.fence > this.#fence)
      throw this.#overtaken(`one under fence ${last.fence}, which is above ${this.#fence}`)
    this.#overtook = rows.filter(({ kind }) => kind === 'load')
    this.#number = (last?.number ?? 0n) + 1n
    return [this.#row(this.#number, this.token)]
  }

  /** Tokens of those that it took over from, and whose tables may be there. Known after `begin`. */
  get older(): readonly string[] {
    return this.#overtook.map(({ body }) => body)
  }

  /** The change that forgets them, once their tables are gone. */
  forgetOlder(): StateRow[] {
    return this.#overtook.map(({ number, body }) => ({ ...this.#row(number, body), gone: true }))
  }

  /** The change that ends it. Throws `PROJECTION_FENCED` when another one began after it. */
  end(rows: readonly StoredRow[]): StateRow[] {
    this.assertLast(rows)
    return [{ ...this.#row(this.#number, this.token), gone: true }]
  }

  /** Throws `PROJECTION_FENCED` when another one began after it. */
  assertLast(rows: readonly StoredRow[]): void {
    if (lastOf(rows)?.body !== this.token) throw this.#overtaken('another one that began later')
  }

  #row(number: bigint, body: string): StateRow {
    return { ...nothing, kind: 'load', key: '', number, fence: this.#fence, body }
  }

  #overtaken(got: string): TailraceError {
    return new TailraceError(
      'PROJECTION_FENCED',
      `expected to be the only bulk load of ${this.#where}, got ${got}; this one stops`,
      { retryable: true },
    )
  }
}

/** Each takes the next number. */
function lastOf(rows: readonly StoredRow[]): StoredRow | undefined {
  return rows
    .filter(({ kind }) => kind === 'load')
    .reduce<StoredRow | undefined>(
      (last, row) => (last === undefined || row.number > last.number ? row : last),
      undefined,
    )
}
