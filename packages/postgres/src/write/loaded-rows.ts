import { TailraceError, type AggregateRows, type CommandRecord, type Row } from 'tailrace/adapter'
import type { AggregateTables, CatalogTable } from '../catalog/catalog.ts'
import { mayBeTooLarge } from '../catalog/column-types.ts'
import { rowStamp } from './load-statement.ts'

type JsonTexts = Readonly<Record<string, string | null>>

/** Puts the rows of one kind of aggregate together, by aggregate id as the database writes it. */
export function assembleAggregates(
  { tables }: AggregateTables,
  columns: readonly string[],
  answer: JsonTexts,
): Map<string, AggregateRows> {
  const found = new Map<string, AggregateRows>()
  const owners = new Map<string, OwnerIndex>()
  tables.forEach((table, i) => {
    const rows = parseRows(table, answer[columns[i]!] ?? null)
    if (table.parent === undefined) {
      for (const { [rowStamp]: stamp, ...root } of rows)
        found.set(String(root['id']), {
          root,
          children: emptyChildren(tables),
          stamp: stamp as string,
        })
      owners.set(table.of, new OwnerIndex(rows, (row) => String(row['id'])))
      return
    }
    const { of, pairs } = table.parent
    const parents = owners.get(of)!.by(pairs.map(({ parent }) => parent))
    const own = pairs.map(({ child }) => child)
    const ownerOf = (row: Row) => parents.get(keyText(row, own))
    for (const row of rows) {
      const owner = found.get(ownerOf(row) ?? '')
      if (owner !== undefined) (owner.children[table.of] as Row[]).push(row)
    }
    owners.set(table.of, new OwnerIndex(rows, ownerOf))
    for (const { children } of found.values()) sortByKey(table, children[table.of] as Row[])
  })
  return found
}

export function parseCommands(text: string | null): Map<string, CommandRecord> {
  const records = new Map<string, CommandRecord>()
  if (text === null) return records
  for (const { rejection, ...record } of JSON.parse(text) as (CommandRecord & {
    rejection: unknown
  })[]) {
    records.set(record.commandId, { ...record, rejection: rejection ?? undefined })
  }
  return records
}

/** Finds the aggregate of a parent row by the values that its children name it with. */
class OwnerIndex {
  readonly #rows: readonly Row[]
  readonly #ownerOf: (row: Row) => string | undefined
  readonly #indexes = new Map<string, Map<string, string>>()

  constructor(rows: readonly Row[], ownerOf: (row: Row) => string | undefined) {
    this.#rows = rows
    this.#ownerOf = ownerOf
  }

  by(properties: readonly string[]): ReadonlyMap<string, string> {
    const name = properties.join()
    let index = this.#indexes.get(name)
    if (index === undefined) {
      index = new Map()
      for (const row of this.#rows) {
        const owner = this.#ownerOf(row)
        if (owner !== undefined) index.set(keyText(row, properties), owner)
      }
      this.#indexes.set(name, index)
    }
    return index
  }
}

function keyText(row: Row, properties: readonly string[]): string {
  if (properties.length === 1) return String(row[properties[0]!])
  return JSON.stringify(properties.map((property) => row[property]))
}

/** In the order of the declared key as JavaScript compares, which no collation of the database changes. */
function sortByKey(table: CatalogTable, rows: Row[]): void {
  if (rows.length < 2) return
  const key = table.declared.key as readonly string[]
  rows.sort((a, b) => {
    for (const property of key) {
      const x = a[property] as string | number
      const y = b[property] as string | number
      if (x !== y) return x < y ? -1 : 1
    }
    return 0
  })
}

function emptyChildren(tables: readonly CatalogTable[]): Record<string, Row[]> {
  const children: Record<string, Row[]> = {}
  for (const { of, parent } of tables) if (parent !== undefined) children[of] = []
  return children
}

function parseRows(table: CatalogTable, text: string | null): Row[] {
  if (text === null) return []
  const rows = JSON.parse(text) as Row[]
  for (const { property, name } of table.columns.filter(mayBeTooLarge)) {
    for (const row of rows) {
      const value = row[property]
      const exact = Array.isArray(value) ? value.every(isExact) : isExact(value)
      if (!exact) throw tooLarge(table, name, row)
    }
  }
  return rows
}

function isExact(value: unknown): boolean {
  return typeof value !== 'number' || Number.isSafeInteger(value)
}

function tooLarge(table: CatalogTable, column: string, row: Row): TailraceError {
  const key = JSON.stringify(table.key.map(({ property }) => row[property]))
  return new TailraceError(
    'ROW_INTEGER_TOO_LARGE',
    `expected ${table.sqlName}.${column} to be within ±(2^53−1), got a larger integer in the row with key ${key}; store it as numeric, which is read as a string`,
    { details: { table: table.name, column, key } },
  )
}
