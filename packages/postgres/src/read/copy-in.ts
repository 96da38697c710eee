import type { SqlClient } from '../sql-pool.ts'
import { longestTimeoutMs, noAnswer } from './bounded-pool.ts'
import { connectionError } from './connection-error.ts'
import { watchForSilence } from './silence.ts'

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
 * A server that takes nothing, or says nothing, for `answerMs` is given up; how long `lines` takes is its own affair.
 */
export async function copyIn(
  client: SqlClient,
  sql: string,
  lines: AsyncIterable<string>,
  answerMs: number,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const copy = new CopyIn(sql, lines, answerMs, (error) =>
      error === undefined ? resolve() : reject(error),
    )
    // `pg` takes any object with `submit` and hands it the connection.
    Promise.resolve(client.query(copy as never)).catch(reject)
  })
}

/** Spoken to by `pg` while it is the active query. */
class CopyIn {
  readonly text: string
  /** An application's own pool may have another bound, which `pg` would take: it knows nothing of progress. */
  readonly query_timeout = longestTimeoutMs
  /** `pg` puts what ends its own bound here. */
  callback: () => void = () => undefined
  readonly #lines: AsyncIterable<string>
  readonly #done: (error?: unknown) => void
  readonly #answerMs: number
  #stopWatch: () => void = () => undefined
  #ownError: unknown
  #stopped = false
  #error: unknown

  constructor(
    text: string,
    lines: AsyncIterable<string>,
    answerMs: number,
    done: (error?: unknown) => void,
  ) {
    this.text = text
    this.#lines = lines
    this.#answerMs = answerMs
    this.#done = done
  }

  submit(connection: Connection): null {
    connection.query(this.text)
    this.#watch()
    return null
  }

  handleCopyInResponse(connection: Connection): void {
    this.#stopWatch()
    void this.#send(connection)
  }

  /** Nothing but the end of the wait counts: while it takes rows, the server says nothing. */
  #watch(): void {
    this.#stopWatch = watchForSilence(undefined, this.#answerMs, () =>
      this.handleError(noAnswer(this.#answerMs)),
    )
  }

  async #send(connection: Connection): Promise<void> {
    try {
      for await (const text of this.#lines) {
        if (this.#stopped) return
        connection.sendCopyFromChunk(Buffer.from(text))
        if (!connection.stream.writableNeedDrain) continue
        this.#watch()
        await drained(connection)
        this.#stopWatch()
      }
      if (this.#stopped) return
      this.#watch()
      connection.endCopyFrom()
    } catch (error) {
      this.#ownError = error
      if (this.#stopped) return
      this.#watch()
      connection.sendCopyFail('the source of the rows failed')
    }
  }

  /** Also called when the connection is lost: then no ReadyForQuery follows, and `pg` calls nothing else. */
  handleError(error: unknown): void {
    this.#stopWatch()
    this.callback()
    this.#stopped = true
    this.#error = this.#ownError ?? connectionError(error)
    this.#done(this.#error)
  }

  handleReadyForQuery(): void {
    this.#stopWatch()
    this.callback()
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
