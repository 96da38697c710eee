import type { SqlClient } from '../sql-pool.ts'

/** The part of `pg`'s connection that COPY uses. */
interface Connection {
  readonly stream: {
    readonly writableNeedDrain: boolean
    once(event: 'drain' | 'close', listener: () => void): unknown
    removeListener(event: 'drain' | 'close', listener: () => void): unknown
  }
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
}

/**
 * Runs `COPY … FROM STDIN` with lines of COPY's text format. The next lines are asked for when the server took the last
 * ones: memory stays bounded by what `lines` yields at once. An error of `lines` undoes the statement and is thrown.
 */
export async function copyIn(
  client: SqlClient,
  sql: string,
  lines: AsyncIterable<string>,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const copy = new CopyIn(sql, lines, (error) =>
      error === undefined ? resolve() : reject(error),
    )
    // `pg` takes any object with `submit` and hands it the connection.
    void client.query(copy as never)
  })
}

/** Spoken to by `pg` while it is the active query. */
class CopyIn {
  readonly text: string
  readonly #lines: AsyncIterable<string>
  readonly #done: (error?: unknown) => void
  #ownError: unknown
  #stopped = false
  #error: unknown

  constructor(text: string, lines: AsyncIterable<string>, done: (error?: unknown) => void) {
    this.text = text
    this.#lines = lines
    this.#done = done
  }

  submit(connection: Connection): null {
    connection.query(this.text)
    return null
  }

  handleCopyInResponse(connection: Connection): void {
    void this.#send(connection)
  }

  async #send(connection: Connection): Promise<void> {
    try {
      for await (const text of this.#lines) {
        if (this.#stopped) return
        connection.sendCopyFromChunk(Buffer.from(text))
        if (connection.stream.writableNeedDrain) await drained(connection)
      }
      if (!this.#stopped) connection.endCopyFrom()
    } catch (error) {
      this.#ownError = error
      if (!this.#stopped) connection.sendCopyFail('the source of the rows failed')
    }
  }

  /** Also called when the connection is lost: then no ReadyForQuery follows, and `pg` calls nothing else. */
  handleError(error: unknown): void {
    this.#stopped = true
    this.#error = this.#ownError ?? error
    this.#done(this.#error)
  }

  handleReadyForQuery(): void {
    if (this.#error === undefined) this.#done()
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCopyData(): void {}
}

function drained({ stream }: Connection): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.removeListener('drain', done)
      stream.removeListener('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}
