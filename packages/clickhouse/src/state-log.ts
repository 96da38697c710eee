import { randomUUID } from 'node:crypto'
import { TailraceError } from 'tailrace/adapter'
import type { Parameters, Server } from './server.ts'
import { createTable, qualified, type TableDefinition } from './table-ddl.ts'

/** One row of a record: the newest row of each (kind, key, number) is what counts. */
export interface StateRow {
  readonly kind: 'checkpoint' | 'parked' | 'event' | 'version' | 'live' | 'load'
  readonly key: string
  /** Position of a parked event, number of a version; else 0. */
  readonly number: bigint
  readonly gone: boolean
  readonly position: bigint
  readonly fence: bigint
  readonly history: string
  readonly body: string
}

/** A row as it stands. */
export interface StoredRow extends StateRow {
  /** The server's time of the record, milliseconds. */
  readonly atMs: number
}

/** What a look at the log found: all rows asked for, as of record `seq`. */
export interface StateView {
  readonly seq: bigint
  readonly rows: readonly StoredRow[]
}

/** Every insert is a record of its own, so that many are remembered before a number could be taken a second time. */
const tokensRemembered = 10_000
const burntMax = 8

/**
 * A table that is changed by compare-and-set, on a server without transactions. Each change is one record: one insert of one
 * block, so all of it or nothing, with the next number as its deduplication token. Of several writers that take the same
 * number, the server keeps the first block and drops the others; each then looks whose it was.
 */
export class StateLog {
  readonly definition: TableDefinition
  readonly #server: Server
  readonly #name: string

  constructor(server: Server, name: string) {
    this.#server = server
    this.definition = {
      database: server.settings.database,
      name,
      lines: [
        'kind LowCardinality(String)',
        'key String',
        'number UInt64',
        'seq UInt64',
        'writer String',
        'gone UInt8',
        'position UInt64',
        'fence UInt64',
        'history String',
        'body String',
        "at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')",
      ],
      replacing: ['seq'],
      orderBy: ['kind', 'key', 'number'],
      settings:
        server.settings.replication === undefined
          ? { non_replicated_deduplication_window: tokensRemembered }
          : { replicated_deduplication_window: tokensRemembered },
    }
    this.#name = qualified(this.definition)
  }

  create(): Promise<void> {
    return this.#server.command(createTable(this.definition, this.#server.settings.replication))
  }

  /**
   * The rows for which `where` holds, and the number of the last record, from one look: a record that is younger than `seq`
   * is in none of them, so that a change made of them under the next number is made of what it changes.
   */
  async read(where: string, parameters: Parameters = {}): Promise<StateView> {
    const found = await this.#server.rows(
      `SELECT kind, key, number, seq, gone, position, fence, history, body, toUnixTimestamp64Milli(at)
       FROM ${this.#name} FINAL WHERE kind = 'head' OR (${where}) ORDER BY kind, key, number`,
      parameters,
    )
    const head = found.find((row) => row[0] === 'head')
    return {
      seq: head === undefined ? 0n : BigInt(head[3] as string),
      rows: found.flatMap((row) =>
        row[0] === 'head' || Number(row[4]) === 1 ? [] : [stored(row)],
      ),
    }
  }

  /**
   * Writes a record after `seq`. False when another one was written after `seq`: look and decide again. When the answer
   * of the server is lost, it may have been written.
   */
  async append(seq: bigint, rows: readonly StateRow[]): Promise<boolean> {
    const writer = randomUUID()
    for (let next = seq + 1n; next <= seq + BigInt(burntMax); next++) {
      await this.#insert(next, writer, rows)
      const [counts] = await this.#server.rows(
        `SELECT countIf(seq = {seq:UInt64} AND writer = {writer:String}), countIf(seq = {seq:UInt64} AND writer != {writer:String}),
           countIf(seq > {seq:UInt64}) FROM ${this.#name} WHERE seq >= {seq:UInt64}`,
        { writer, seq: String(next) },
      )
      const [mine, others, later] = counts!.map(Number)
      // Two of one number: ours came so late that the token was forgotten. The other one was there before.
      if (mine! > 0) return others === 0
      // What came later may also have replaced all of ours already; a caller that looks again finds what then stands.
      if (others! > 0 || later! > 0) return false
      // The server took the number and died before it had the rows. It is of no use to anyone: the next one is.
    }
    throw new TailraceError(
      'UNAVAILABLE',
      `expected table ${this.#name} to take a record after ${seq}, got none of ${burntMax} written`,
      { retryable: true },
    )
  }

  async #insert(seq: bigint, writer: string, rows: readonly StateRow[]): Promise<void> {
    const head = { ...nothing, kind: 'head', key: '' }
    const lines = [head, ...rows].map((row) =>
      JSON.stringify([
        row.kind,
        row.key,
        String(row.number),
        String(seq),
        writer,
        row.gone ? 1 : 0,
        String(row.position),
        String(row.fence),
        row.history,
        row.body,
      ]),
    )
    await this.#server.insert(
      `${this.#name} (kind, key, number, seq, writer, gone, position, fence, history, body)`,
      'JSONCompactEachRow',
      Buffer.from(lines.join('\n')),
      { insert_deduplicate: 1, insert_deduplication_token: String(seq) },
    )
  }
}

/** A row of which nothing is said but what it is about. */
export const nothing: Omit<StateRow, 'kind' | 'key'> = {
  number: 0n,
  gone: false,
  position: 0n,
  fence: 0n,
  history: '',
  body: '',
}

function stored(row: readonly unknown[]): StoredRow {
  const [kind, key, number, , , position, fence, history, body, at] = row as string[]
  return {
    kind: kind as StateRow['kind'],
    key: key!,
    number: BigInt(number!),
    gone: false,
    position: BigInt(position!),
    fence: BigInt(fence!),
    history: history!,
    body: body!,
    atMs: Number(at),
  }
}
