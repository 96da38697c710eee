import { TailraceError, type ApplyBatch, type DocumentChange } from 'tailrace/adapter'
import type { DocumentTable } from './document-table.ts'
import { keyText } from './exact-text.ts'
import { RowBuffer } from './row-buffer.ts'
import type { Server } from './server.ts'
import { wordsOf } from './text-search.ts'

/** An insert that is larger goes in parts: each is held in memory here and on the server. */
const bodyBytes = 16 * 1024 * 1024
const bodyRows = 200_000

/**
 * Collects documents or rows and inserts them in few large bodies. Rows that were inserted before replace themselves, so
 * that what is interrupted is simply repeated; no deduplication token is used: the server forgets tokens, and one that it
 * noted without the rows, because it died between, would drop the repetition.
 */
export class RowWriter {
  readonly #server: Server
  readonly #table: DocumentTable
  readonly #buffer = new RowBuffer()
  readonly #into: string

  constructor(server: Server, table: DocumentTable) {
    this.#server = server
    this.#table = table
    this.#into = `${table.name} (${table.written.join(', ')})`
  }

  get isFull(): boolean {
    return this.#buffer.size >= bodyBytes || this.#buffer.rows >= bodyRows
  }

  /** Adds a document; null is its deletion. Throws `DOCUMENT_UNSTORABLE`: the writer is then of no use. */
  addDocument({ key, document, position }: DocumentChange): void {
    const into = this.#buffer
    into.text(keyText(key))
    into.u64(position)
    into.u8(document === null ? 1 : 0)
    try {
      this.#addColumns(document === null ? {} : document)
    } catch (error) {
      throw unstorable(`the document of key ${JSON.stringify(key)}`, { key }, error)
    }
  }

  /** Throws `DOCUMENT_UNSTORABLE` like `addDocument`. */
  addRow({ position, ordinal, row }: ApplyBatch['rows'][number]): void {
    this.#buffer.u64(position)
    this.#buffer.u32(ordinal)
    try {
      this.#addColumns(row)
    } catch (error) {
      throw unstorable(`row ${ordinal} of position ${position}`, { position }, error)
    }
  }

  #addColumns(document: unknown): void {
    const { codec, text } = this.#table
    codec.encode(document, this.#buffer)
    if (text.length > 0) {
      const words = wordsOf(text, document)
      this.#buffer.count(words.length)
      for (const word of words) this.#buffer.text(word)
    }
    this.#buffer.endRow()
  }

  /** Inserts what was added. */
  async flush(): Promise<void> {
    if (this.#buffer.rows === 0) return
    await this.#server.insert(this.#into, 'RowBinary', this.#buffer.take(), {
      insert_deduplicate: 0,
    })
  }
}

/**
 * Encodes a whole batch; what is returned sends it. A document or row that cannot be held is found before anything is
 * written: throws `DOCUMENT_UNSTORABLE` with its key, or with the position of its event.
 */
export function encodeBatch(
  server: Server,
  table: DocumentTable,
  { changes, rows }: Pick<ApplyBatch, 'changes' | 'rows'>,
): () => Promise<void> {
  const full: RowWriter[] = []
  let writer = new RowWriter(server, table)
  const next = (): void => {
    if (!writer.isFull) return
    full.push(writer)
    writer = new RowWriter(server, table)
  }
  for (const change of changes) {
    writer.addDocument(change)
    next()
  }
  for (const row of rows) {
    writer.addRow(row)
    next()
  }
  return async () => {
    for (const one of [...full, writer]) await one.flush()
  }
}

function unstorable(
  what: string,
  details: { readonly key: string } | { readonly position: bigint },
  error: unknown,
): TailraceError {
  const reason = error instanceof Error ? error.message : String(error)
  return new TailraceError(
    'DOCUMENT_UNSTORABLE',
    `expected ${what} to be JSON that its columns can hold, got one that is not: ${reason}`,
    { cause: error, details },
  )
}
