import type { SqlClient } from '../sql-pool.ts'

/** The part of a connection of `pg` that a query of one's own works with. */
interface WireConnection {
  query(text: string): void
}

/**
 * Runs SQL text that holds a `COPY … TO STDOUT` in text format, and hands each row, with its newline, to `onRow` as it arrives. The
 * bytes are overwritten after the call. When `onRow` throws, that is the result, after the rest has been received.
 */
export function copyOut(
  client: SqlClient,
  sql: string,
  onRow: (row: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new CopyOutQuery(sql, onRow, resolve, reject)
    // `pg` takes any object with these handlers; the types know statements only.
    ;(client as unknown as { query(custom: CopyOutQuery): unknown }).query(query)
  })
}

class CopyOutQuery {
  readonly #text: string
  readonly #onRow: (row: Buffer) => void
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void
  #failure: unknown

  constructor(
    text: string,
    onRow: (row: Buffer) => void,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.#text = text
    this.#onRow = onRow
    this.#resolve = resolve
    this.#reject = reject
  }

  submit(connection: WireConnection): undefined {
    connection.query(this.#text)
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (this.#failure !== undefined) return
    try {
      this.#onRow(chunk)
    } catch (error) {
      // Thrown from here it would end the process: the socket is the caller.
      this.#failure = error
    }
  }

  /** From the server, then followed by `handleReadyForQuery`; or because the connection is lost. */
  handleError(error: Error): void {
    this.#failure ??= error
    this.#reject(this.#failure)
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#resolve()
    else this.#reject(this.#failure)
  }

  // `pg` looks for these in every query.
  callback(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCommandComplete(): void {}
  handleCopyInResponse(): void {}
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
}

/** Splits a line of COPY's text format into its columns. */
export function copyFields(line: string): (string | null)[] {
  const fields: (string | null)[] = line.split('\t')
  if (line.includes('\\')) {
    for (let i = 0; i < fields.length; i++) fields[i] = unescape(fields[i]!)
  }
  return fields
}

function unescape(field: string): string | null {
  if (field === '\\N') return null
  if (!field.includes('\\')) return field
  return field.replaceAll(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter)
}
