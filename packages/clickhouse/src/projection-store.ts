import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  isTailraceError,
  TailraceError,
  type AnyProjectionDef,
  type ApplyBatch,
  type CheckpointMove,
  type ParkResolution,
  type ProjectionStore,
  type StoredDocument,
} from 'tailrace/adapter'
import { BulkLoad, loadRows } from './bulk-load.ts'
import { checkpointRows, checkpointsOf, moveRows } from './checkpoint-moves.ts'
import { documentReader } from './document-reader.ts'
import type { DocumentTable } from './document-table.ts'
import { dumpTable } from './dump-table.ts'
import { keyOfText, keyText } from './exact-text.ts'
import { keyParts } from './key-parts.ts'
import { LoadTable } from './load-table.ts'
import type { Mutex } from './mutex.ts'
import { listParked, parkedOf, parkedPositionsOf, parkRows, settleRows } from './parked-keys.ts'
import type { Server } from './server.ts'
import type { StateLog, StateRow, StateView } from './state-log.ts'
import { isMissing } from './store-error.ts'
import { qualified } from './table-ddl.ts'
import { encodeBatch, RowWriter } from './write-rows.ts'

export interface VersionPlace {
  readonly server: Server
  readonly projection: AnyProjectionDef
  readonly table: DocumentTable
  readonly state: StateLog
  readonly history: string
  /** Writers of this process go one after the other: they would only take each other's numbers. */
  readonly mutex: Mutex
  /** Told when the tables are gone: another process dropped the version. */
  readonly onMissing: () => void
}

const racesMax = 50

/**
 * One projection version. Data is written first, then one record of everything else (checkpoints, parked keys) by
 * compare-and-set. What was written of a batch that is refused then is what its events always give, under keys of its own:
 * it is written again, or is there already.
 */
export class ClickHouseProjection implements ProjectionStore {
  readonly #place: VersionPlace
  readonly #where: string

  constructor(place: VersionPlace) {
    this.#place = place
    const { name, version } = place.projection
    this.#where = `projection "${name}" version ${version}`
  }

  checkpoints(): Promise<ReturnType<typeof checkpointsOf>> {
    return this.#guarded(async () =>
      checkpointsOf((await this.#place.state.read(checkpointRows)).rows),
    )
  }

  load(keys: readonly string[]): Promise<Map<string, StoredDocument>> {
    return this.#guarded(async () => {
      const { server, table } = this.#place
      const found = new Map<string, StoredDocument>()
      for (const part of keyParts(keys.map(keyText))) {
        // Without FINAL, which leaves out the deleted ones: the newest row of each key, whatever was merged already.
        const rows = await server.rows(
          `SELECT _key, _position, _deleted, ${table.selected} FROM ${table.name}
           WHERE _key IN {keys:Array(String)} ORDER BY _key, _position DESC LIMIT 1 BY _key`,
          { keys: part },
        )
        for (const row of rows) {
          const document = Number(row[2]) === 1 ? null : table.codec.decode(row, 3)
          found.set(keyOfText(row[0] as string), {
            document,
            position: BigInt(row[1] as string),
          })
        }
      }
      return found
    })
  }

  apply(batch: ApplyBatch): Promise<void> {
    const { server, table, mutex } = this.#place
    return this.#guarded(() =>
      mutex.run(async () => {
        const decide = (view: StateView): StateRow[] => this.#rowsOf(batch, view)
        // The look is on its way to the server while the batch is encoded.
        const looking = this.#look(batch)
        looking.catch(() => undefined)
        await nextTurn()
        const write = encodeBatch(server, table, batch)
        const view = await looking
        const rows = decide(view)
        await write()
        if (rows.length > 0) await this.#commit(view, rows, () => this.#look(batch), decide)
      }),
    )
  }

  #rowsOf({ moves, park }: ApplyBatch, { rows }: StateView): StateRow[] {
    const { history } = this.#place
    return [
      ...moveRows(checkpointsOf(rows), moves, history, this.#where),
      ...parkRows(parkedOf(rows), park),
    ]
  }

  /** What a batch must be compared with before anything is written. */
  #look({ park }: ApplyBatch): Promise<StateView> {
    const keys = [...keyParts(park.map(({ key }) => keyText(key)))]
    const among = keys.map((_, i) => `(kind = 'parked' AND key IN {keys${i}:Array(String)})`)
    return this.#place.state.read(
      [checkpointRows, ...among].join(' OR '),
      Object.fromEntries(keys.map((part, i) => [`keys${i}`, part])),
    )
  }

  /** Appends a record, and decides anew for as long as others append theirs. Throws what `decide` throws. */
  async #commit(
    view: StateView,
    rows: readonly StateRow[],
    look: () => Promise<StateView>,
    decide: (view: StateView) => StateRow[],
  ): Promise<void> {
    let [seen, wanted] = [view, rows]
    for (let races = 0; races < racesMax; races++) {
      if (await this.#place.state.append(seen.seq, wanted)) return
      seen = await look()
      wanted = decide(seen)
    }
    throw new TailraceError(
      'UNAVAILABLE',
      `expected ${this.#where} to take a change, got ${racesMax} others at the same time`,
      { retryable: true },
    )
  }

  async applySql(): Promise<never> {
    throw new TailraceError(
      'READ_UNSUPPORTED',
      `expected ${this.#where} to be a fold or rows, got SQL; ClickHouse has no transactions to run its handlers in`,
    )
  }

  parked(keys?: readonly string[], limit = 1_000): Promise<Awaited<ReturnType<typeof listParked>>> {
    return this.#guarded(() => listParked(this.#place.server, this.#stateName(), keys, limit))
  }

  parkedPositions(key: string): Promise<bigint[]> {
    return this.#guarded(() => parkedPositionsOf(this.#place.server, this.#stateName(), key))
  }

  resolveParked(resolution: ParkResolution): Promise<void> {
    const { server, table, state, mutex } = this.#place
    const look = (): Promise<StateView> =>
      state.read(`kind IN ('parked', 'event') AND key = {key:String}`, {
        key: keyText(resolution.key),
      })
    const decide = ({ rows }: StateView): StateRow[] => settleRows(rows, resolution)
    return this.#guarded(() =>
      mutex.run(async () => {
        const view = await look()
        const rows = decide(view)
        await encodeBatch(server, table, resolution)()
        await this.#commit(view, rows, look, decide)
      }),
    )
  }

  async bulkLoad(
    pages: Parameters<ProjectionStore['bulkLoad']>[0],
    moves: readonly CheckpointMove[],
  ): Promise<void> {
    const { server, table, history, mutex, state } = this.#place
    const load = new BulkLoad(this.#where, moves[0]?.fence ?? 0n)
    const look = (): Promise<StateView> => state.read(`${checkpointRows} OR ${loadRows}`)
    const record = (decide: (view: StateView) => StateRow[]): Promise<void> =>
      mutex.run(async () => {
        const view = await look()
        await this.#commit(view, decide(view), look, decide)
      })
    await this.#guarded(async () => {
      await record(({ rows }) => load.begin(rows))
      const own = new LoadTable(server, table, load.token)
      try {
        for (const token of load.older) await new LoadTable(server, table, token).drop()
        if (load.older.length > 0) await record(() => load.forgetOlder())
        await own.create()
        await this.#fill(own, pages, async () => load.assertLast((await look()).rows))
        await own.putInPlace()
        await own.drop()
        await record(({ rows }) => [
          ...load.end(rows),
          ...moveRows(checkpointsOf(rows), moves, history, this.#where),
        ])
      } catch (error) {
        await this.#giveUp(own, error, async () => load.assertLast((await look()).rows))
      }
    })
  }

  /** Before each write, and before the table is put in place, `assertLast` is asked: a table made late is never used. */
  async #fill(
    { table }: LoadTable,
    pages: Parameters<ProjectionStore['bulkLoad']>[0],
    assertLast: () => Promise<void>,
  ): Promise<void> {
    const writer = new RowWriter(this.#place.server, table)
    const flush = async (): Promise<void> => {
      await assertLast()
      await writer.flush()
    }
    for await (const page of pages) {
      for (const change of page) writer.addDocument(change)
      if (writer.isFull) await flush()
    }
    await flush()
  }

  /** Says why a load ended early. Whoever took over has dropped its table, or found none yet: then it goes now. */
  async #giveUp(own: LoadTable, error: unknown, assertLast: () => Promise<void>): Promise<never> {
    const told = isMissing(error) ? await assertLast().catch((fenced: unknown) => fenced) : error
    if (isTailraceError(told) && told.code === 'PROJECTION_FENCED')
      await own.drop().catch(() => undefined)
    throw told ?? error
  }

  /** Parked keys move with the checkpoints, so only data can be ahead of them. */
  holdsBetween(after: bigint, through: bigint): Promise<boolean> {
    return this.#guarded(async () => {
      const { server, table } = this.#place
      const rows = await server.rows(
        `SELECT 1 FROM ${table.name} WHERE _position > {after:UInt64} AND _position <= {through:UInt64} LIMIT 1`,
        { after: String(after), through: String(through) },
      )
      return rows.length > 0
    })
  }

  dump(): ReturnType<ProjectionStore['dump']> {
    return dumpTable(this.#place.server, this.#place.table)
  }

  reader(): ReturnType<ProjectionStore['reader']> {
    const { server, table } = this.#place
    const reader = documentReader(server, table, (body) => this.#guarded(body))
    return reader as unknown as ReturnType<ProjectionStore['reader']>
  }

  #stateName(): string {
    return qualified(this.#place.state.definition)
  }

  async #guarded<T>(body: () => Promise<T>): Promise<T> {
    this.#place.server.assertOpen()
    try {
      return await body()
    } catch (error) {
      if (isMissing(error)) this.#place.onMissing()
      throw error
    }
  }
}
