import type { WriteBatch } from 'tailrace/adapter'
import type { Catalog } from '../catalog/catalog.ts'
import type { SqlStatement } from '../sql-pool.ts'
import { asText } from './load-statement.ts'
import { columnLiteral, selectRows } from './row-arrays.ts'
import { statementName } from './statement-name.ts'
import { rowsOfParts } from './write-values.ts'
import { writeParts, type WritePart } from './write-parts.ts'

interface Prepared {
  readonly parts: readonly WritePart[]
  readonly text: string
  readonly name: string
}

/** So many shapes get a statement of their own; rarer ones share one that has every part. */
const maxShapes = 48

/**
 * The statements that commit batches. A batch's shape is the set of its parts; each shape is one statement, which
 * connections prepare once. One statement outside a transaction block is one transaction: one round trip.
 */
export class WriteStatements {
  readonly #schema: string
  readonly #parts: ReadonlyMap<string, WritePart>
  readonly #shapes = new Map<string, Prepared>()

  constructor(schema: string, catalog: Catalog) {
    this.#schema = schema
    this.#parts = writeParts(schema, catalog)
  }

  /**
   * The statement that commits a batch. It answers with `xid` and `now` (milliseconds), and raises TR001 when a row that must
   * be there is not. Throws `WriteFailed` for a value that no parameter can hold.
   */
  bind(batch: WriteBatch): SqlStatement {
    const given = rowsOfParts(batch)
    const { parts, text, name } = this.#prepared(given)
    const values: unknown[] = []
    for (const { id, columns, asserted } of parts) {
      const rows = given.get(id) ?? []
      for (const column of columns) values.push(columnLiteral(rows, column))
      if (asserted !== undefined) values.push(rows.length)
    }
    return { text, name, values, types: asText }
  }

  get count(): number {
    return this.#shapes.size
  }

  #prepared(given: ReadonlyMap<string, unknown>): Prepared {
    const wanted = [...given.keys()]
      .map((id) => this.#parts.get(id)!)
      .toSorted((a, b) => a.order - b.order)
    const shape = wanted.map(({ order }) => order).join()
    const known = this.#shapes.get(shape)
    if (known !== undefined) return known
    const full = this.#shapes.size >= maxShapes
    const made = full
      ? (this.#shapes.get('all') ?? this.#make([...this.#parts.values()]))
      : this.#make(wanted)
    this.#shapes.set(full ? 'all' : shape, made)
    return made
  }

  #make(parts: readonly WritePart[]): Prepared {
    let n = 0
    const steps: string[] = []
    const answers: string[] = []
    const written: string[] = []
    parts.forEach(({ sql, columns, asserted, last }, i) => {
      steps.push(`s${i} as (${sql(selectRows(columns, n + 1))})`)
      n += columns.length
      const count = `(select count(*) from s${i})`
      if (asserted !== undefined)
        answers.push(
          `${this.#schema}.assert_count('${asserted.replaceAll("'", "''")}', ${count}, $${++n}::bigint)`,
        )
      else if (!last) written.push(count)
    })
    // A step that changes rows runs when its count is asked for; without that, at the end, and of those the last one first.
    if (written.length > 0) answers.push(`${written.join(' + ')} as written`)
    answers.push(
      'pg_current_xact_id()::text as xid',
      'extract(epoch from clock_timestamp()) * 1000 as now',
    )
    const head = steps.length > 0 ? `with ${steps.join(',\n')}\n` : ''
    const text = `${head}select ${answers.join(',\n  ')}`
    return { parts, text, name: statementName('write', text) }
  }
}
