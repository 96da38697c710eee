import type { DocumentTable } from './document-table.ts'
import type { Server } from './server.ts'
import { createTable, dropTable, literal, qualified, type TableDefinition } from './table-ddl.ts'

/** Newer servers put nothing in place of something only when told to; older ones do not know the setting. */
const takesNothing = 'allow_replace_partition_from_empty_source'

/**
 * The table that one bulk load writes to, named by its token, until it takes the place of the version's rows in one step.
 * What a load asks for and the server does late finds this table, or it finds nothing: once it is dropped, neither the rows
 * nor the step of that load can come.
 */
export class LoadTable {
  /** As the version's table, under its own name. */
  readonly table: DocumentTable
  readonly #server: Server
  readonly #into: string

  constructor(server: Server, version: DocumentTable, token: string) {
    this.#server = server
    this.#into = version.name
    const definition = { ...version.definition, name: `${version.definition.name}_load_${token}` }
    this.table = { ...version, definition, name: qualified(definition) }
  }

  create(): Promise<void> {
    return this.#server.command(
      createTable(this.table.definition, this.#server.settings.replication),
    )
  }

  /** Makes what it holds all that the version holds. A fold has one partition. */
  async putInPlace(): Promise<void> {
    const [known] = await this.#server.rows(
      `SELECT count() FROM system.settings WHERE name = ${literal(takesNothing)}`,
    )
    const settings = Number(known![0]) === 0 ? '' : ` SETTINGS ${takesNothing} = 1`
    await this.#server.command(
      `ALTER TABLE ${this.#into} REPLACE PARTITION tuple() FROM ${this.table.name}${settings}`,
    )
  }

  /** Resolves when nothing uses it any more either: a step that the server has begun is over then. */
  drop(): Promise<void> {
    return this.#server.command(dropTable(this.table.definition, this.#server.settings.replication))
  }
}

/** Tables of the loads of a version, whatever became of them. */
export async function loadTables(
  server: Server,
  { database, name }: Pick<TableDefinition, 'database' | 'name'>,
): Promise<string[]> {
  const rows = await server.rows(
    'SELECT name FROM system.tables WHERE database = {database:String} AND startsWith(name, {start:String})',
    { database, start: `${name}_load_` },
  )
  // The name of a projection may begin like that; its tables end in their version.
  return rows.map(([found]) => String(found)).filter((found) => /_load_[0-9a-f]{32}$/.test(found))
}
