import { TailraceError, type DocumentChange } from 'tailrace/adapter'
import { sqlType } from './document-columns.ts'
import type { DocumentTable } from './document-table.ts'
import { keyText } from './key-text.ts'

/** Documents as columns of texts, in the order of `columnList`. */
export interface DocumentValues {
  readonly columns: readonly (readonly (string | null)[])[]
  readonly count: number
}

/** Characters after which a statement ends: a text of this language holds 2^29, and a message of PostgreSQL 2^30 bytes. */
const statementChars = 16 * 1024 * 1024

/** What one statement can hold also when each of its characters is escaped. */
const documentCharsMax = 128 * 1024 * 1024

/** The columns that are written, in the order of `columnValues`. `plain`: their values need no quotes in an array. */
export function columnList(
  table: DocumentTable,
): readonly { readonly name: string; readonly type: string; readonly plain: boolean }[] {
  return [
    { name: '_key', type: 'text', plain: false },
    { name: '_position', type: 'bigint', plain: true },
    ...table.columns.map(({ name, kind }) => ({
      name: `"${name}"`,
      type: sqlType(kind),
      plain: kind !== 'text' && kind !== 'json' && kind !== 'jsonb',
    })),
    { name: '_extra', type: 'json', plain: false },
  ]
}

/** Columns of values for `unnest`, in the order of `columnList`. Throws `DOCUMENT_UNSTORABLE`. */
export function columnValues(
  table: DocumentTable,
  puts: readonly DocumentChange[],
): (string | null)[][] {
  const values = new Values(table)
  for (const change of puts) values.add(change)
  return values.columns
}

/** The same in parts, each small enough for a statement. They are made as they are asked for. */
export function* valuesInParts(
  table: DocumentTable,
  puts: readonly DocumentChange[],
): Generator<DocumentValues, void> {
  let values = new Values(table)
  for (const change of puts) {
    values.add(change)
    if (values.chars < statementChars) continue
    yield values
    values = new Values(table)
  }
  if (values.count > 0) yield values
}

class Values implements DocumentValues {
  readonly columns: (string | null)[][]
  count = 0
  chars = 0
  readonly #table: DocumentTable
  readonly #properties: (string | null)[][]
  readonly #extra: (string | null)[] = []

  constructor(table: DocumentTable) {
    this.#table = table
    this.#properties = table.columns.map(() => [])
    this.columns = [[], [], ...this.#properties, this.#extra]
  }

  add({ key, document, position }: DocumentChange): void {
    this.#table.codec.encode(key, document, this.#properties, this.#extra)
    this.columns[0]!.push(keyText(key))
    this.columns[1]!.push(position.toString())
    let chars = 0
    for (const column of this.columns) chars += column[this.count]?.length ?? 4
    if (chars > documentCharsMax) throw tooLarge(key, chars)
    this.chars += chars
    this.count++
  }
}

function tooLarge(key: string, chars: number): TailraceError {
  return new TailraceError(
    'DOCUMENT_UNSTORABLE',
    `expected the document of key ${JSON.stringify(key)} to have up to ${documentCharsMax} characters, got ${chars}`,
    { details: { key } },
  )
}
