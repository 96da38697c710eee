import { setTimeout as pause } from 'node:timers/promises'
import {
  embeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '@tailrace/postgres/embedded'

const betweenStartsMs = 500

/** A PostgreSQL server that is started again, on the same port, for as long as it takes: its disk may be full. */
export class KeptServer {
  readonly #options: EmbeddedPostgresOptions
  #server: EmbeddedPostgres
  #keeping: Promise<void>
  #stopping = false
  starts = 1

  private constructor(options: EmbeddedPostgresOptions, server: EmbeddedPostgres) {
    this.#options = { ...options, port: server.port }
    this.#server = server
    this.#keeping = this.#keep()
  }

  static async start(options: EmbeddedPostgresOptions): Promise<KeptServer> {
    return new KeptServer(options, await embeddedPostgres(options))
  }

  get url(): string {
    return this.#server.url
  }

  get port(): number {
    return this.#server.port
  }

  /** Of the run that was begun last. */
  get pid(): number {
    return this.#server.pid
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#server.stop()
    await this.#keeping
    // One that was just being started.
    await this.#server.stop()
  }

  async #keep(): Promise<void> {
    while (!this.#stopping) {
      await this.#server.ended
      await this.#again()
    }
  }

  async #again(): Promise<void> {
    while (!this.#stopping) {
      try {
        this.#server = await embeddedPostgres(this.#options)
        this.starts++
        return
      } catch {
        await pause(betweenStartsMs)
      }
    }
  }
}
