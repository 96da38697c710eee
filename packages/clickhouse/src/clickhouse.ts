import {
  TailraceError,
  type AnyProjectionDef,
  type ProjectionStore,
  type LiveVersion,
  type ReadStore,
  type WritePreference,
} from 'tailrace/adapter'
import { Catalog } from './catalog.ts'
import { documentTable, physicalName, type DocumentTable } from './document-table.ts'
import { loadTables } from './load-table.ts'
import { Mutex } from './mutex.ts'
import { ClickHouseProjection } from './projection-store.ts'
import { Server } from './server.ts'
import { StateLog } from './state-log.ts'
import { storeSettings, type ClickHouseOptions } from './store-settings.ts'
import { createTable, dropTable } from './table-ddl.ts'

/** The server likes few large inserts: far behind, as many events as one read of the log gives. */
const batches = { events: 5_000, eventsBehind: 25_000, bytes: 16 * 1024 * 1024 }

/**
 * Read models in ClickHouse: rows of events for sums over millions of them, and documents. Guarantee `append`: what is
 * written twice is read once, in every read of this package, and a checkpoint never claims what is not there.
 * Throws `CONFIG`.
 */
export function clickhouse(options: ClickHouseOptions): ReadStore {
  return new ClickHouseStore(options)
}

class ClickHouseStore implements ReadStore {
  readonly kind = 'read-store'
  readonly name = 'clickhouse'
  readonly guarantee = 'append'
  readonly capabilities = {
    find: true,
    text: true,
    facets: true,
    sql: false,
    rows: true,
    visibleOnWrite: true,
  }
  readonly writes: WritePreference
  readonly #server: Server
  readonly #catalog: Catalog
  readonly #opened = new Map<string, Promise<ProjectionStore>>()
  readonly #mutexes = new Map<string, Mutex>()

  constructor(options: ClickHouseOptions) {
    const settings = storeSettings(options)
    this.#server = new Server(settings)
    this.writes = { limits: batches, paceMs: settings.paceMs }
    this.#catalog = new Catalog(this.#server)
  }

  async open(projection: AnyProjectionDef, history: string): Promise<ProjectionStore> {
    this.#server.assertOpen()
    const table = documentTable(projection, this.#server.settings)
    // Other documents under the same version are another opening, which will be refused.
    const key = `${projection.name}/${projection.version}/${history}/${table.agreed}`
    const known = this.#opened.get(key)
    if (known !== undefined) return known
    const opening = this.#open(projection, table, history, () => this.#opened.delete(key))
    this.#opened.set(key, opening)
    opening.catch(() => this.#opened.delete(key))
    return opening
  }

  async #open(
    projection: AnyProjectionDef,
    table: DocumentTable,
    history: string,
    onMissing: () => void,
  ): Promise<ProjectionStore> {
    const { name, version } = projection
    if (await this.#catalog.isLeaving(name, version)) await this.#finishDrop(name, version)
    const state = this.#stateLog(name, version)
    const agreed = await this.#catalog.agreed(name, version)
    if (agreed !== undefined && agreed !== table.agreed) throw otherShape(projection, table, agreed)
    // Also where the version is known: one that was dropped half-way has lost its tables only.
    await this.#server.command(createTable(table.definition, this.#server.settings.replication))
    await state.create()
    if (agreed === undefined) {
      await this.#catalog.add(name, version, table.agreed)
      const stored = await this.#catalog.agreed(name, version)
      if (stored !== table.agreed) throw otherShape(projection, table, stored ?? 'none')
    }
    const place = `${name}/${version}`
    const mutex = this.#mutexes.get(place) ?? new Mutex()
    this.#mutexes.set(place, mutex)
    return new ClickHouseProjection({
      server: this.#server,
      projection,
      table,
      state,
      history,
      mutex,
      onMissing,
    })
  }

  #stateLog(projection: string, version: number): StateLog {
    return new StateLog(this.#server, `${physicalName(projection, version)}_state`)
  }

  liveVersion(projection: string): Promise<number | undefined> {
    return this.#catalog.liveVersion(projection)
  }

  switchTo(projection: string, version: number, from?: LiveVersion): Promise<boolean> {
    return this.#catalog.switchTo(projection, version, from)
  }

  versions(projection: string): Promise<readonly number[]> {
    return this.#catalog.versions(projection)
  }

  async drop(projection: string, version: number): Promise<void> {
    if (!(await this.#catalog.leave(projection, version))) return
    for (const key of this.#opened.keys())
      if (key.startsWith(`${projection}/${version}/`)) this.#opened.delete(key)
    await this.#finishDrop(projection, version)
  }

  async #finishDrop(projection: string, version: number): Promise<void> {
    const { database, replication } = this.#server.settings
    const base = physicalName(projection, version)
    // Before the catalog forgets them: tables that nobody knows would be taken for those of the next build.
    const loads = await loadTables(this.#server, { database, name: base })
    for (const name of [...loads, base, `${base}_state`])
      await this.#server.command(dropTable({ database, name }, replication))
    await this.#catalog.remove(projection, version)
  }

  ping(): Promise<void> {
    return this.#server.ping()
  }

  close(): Promise<void> {
    return this.#server.close()
  }
}

function otherShape(
  { name, version }: AnyProjectionDef,
  table: DocumentTable,
  found: string,
): TailraceError {
  return new TailraceError(
    'CONFIG',
    `expected version ${version} of projection "${name}" to have the table that this code declares, got another one; a change of documents or of its layout needs a higher version`,
    { details: { declared: table.agreed, found } },
  )
}
