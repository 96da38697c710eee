import type { SqlClient } from '../sql-pool.ts'

/** The part of a connection of `pg` that a query of one's own works with. */
interface WireConnection {
  readonly stream: { pause(): void; resume(): void }
  query(text: string): void
}

/** A backlog of rows above which the server is made to wait. */
const rowsWaitingMax = 4_000

/**
 * Streams `COPY … TO STDOUT` in text format: arrays of lines, one line per row, as they arrive. When the consumer is
 * slower than the server, the connection is not read from. Leaving the loop early ends the connection: `release` must
 * then be called with `destroy`, which the last value of `finished` says.
 */
export async function* copyOut(
  client: SqlClient,
  copy: string,
  state: { finished: boolean },
): AsyncGenerator<string[], void, undefined> {
  const query = new CopyOutQuery(copy)
  state.finished = false
  submit(client, query)
  for (;;) {
    const lines = await query.next()
    if (lines === undefined) break
    yield lines
  }
  state.finished = true
}

function submit(client: SqlClient, query: CopyOutQuery): void {
  // `pg` takes any object with these handlers; the types know statements only.
  ;(client as unknown as { query(custom: CopyOutQuery): unknown }).query(query)
}

class CopyOutQuery {
  private readonly text: string
  private connection: WireConnection | undefined
  private lines: string[] = []
  private paused = false
  private over = false
  private failure: Error | undefined
  private wake: (() => void) | undefined
  // Read by `pg` when a query of its own kind would have one.
  callback = (): void => undefined

  constructor(text: string) {
    this.text = text
  }

  /** The lines that have arrived, at least one; undefined at the end. Throws the server's error. */
  async next(): Promise<string[] | undefined> {
    while (this.lines.length === 0 && !this.over) {
      this.resume()
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
    if (this.failure !== undefined) throw this.failure
    if (this.lines.length === 0) return undefined
    const { lines } = this
    this.lines = []
    this.resume()
    return lines
  }

  submit(connection: WireConnection): undefined {
    this.connection = connection
    connection.query(this.text)
  }

  /** One row, with its newline. The bytes are overwritten after the call. */
  handleCopyData(message: { readonly chunk: Buffer }): void {
    const { chunk } = message
    this.lines.push(chunk.toString('utf8', 0, chunk.length - 1))
    if (this.lines.length >= rowsWaitingMax && !this.paused) {
      this.paused = true
      this.connection!.stream.pause()
    }
    this.awaken()
  }

  handleError(error: Error): void {
    this.failure = error
    this.end()
  }

  handleReadyForQuery(): void {
    this.end()
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCommandComplete(): void {}
  handleCopyInResponse(): void {}

  private resume(): void {
    if (!this.paused) return
    this.paused = false
    this.connection!.stream.resume()
  }

  private end(): void {
    this.over = true
    this.awaken()
  }

  private awaken(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }
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
