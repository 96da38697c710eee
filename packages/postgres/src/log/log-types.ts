import type { HandledTypes, LogTypes, RecordedType } from 'tailrace/adapter'
import { quotedSchema } from '../schema-name.ts'
import { withClient, type SqlPool } from '../sql-pool.ts'
import { asUnavailable } from './lost-connection.ts'

/** The small tables that know what is in the log without looking into it. */
export function postgresLogTypes({
  pool,
  schema = 'tailrace',
}: {
  readonly pool: SqlPool
  /** Default: `tailrace`. */
  readonly schema?: string
}): LogTypes {
  const quoted = quotedSchema(schema)
  const ask = async (text: string, values: unknown[] = []): Promise<unknown[]> => {
    try {
      return await withClient(pool, async (client) => (await client.query({ text, values })).rows)
    } catch (error) {
      throw asUnavailable(error)
    }
  }
  return {
    async recorded() {
      const rows = await ask(
        `select type, max(schema_version)::int as version from ${quoted}.event_type group by type order by type`,
      )
      return rows as RecordedType[]
    },
    async handled(versions) {
      const lists = [
        versions.map(({ projection }) => projection),
        versions.map(({ version }) => version),
        versions.map(({ types }) => JSON.stringify(types)),
      ]
      const given = `unnest($1::text[], $2::int[], $3::text[]) given(projection, version, types)`
      await ask(
        `insert into ${quoted}.projection_version (projection, version, types)
        select projection, version, array(select json_array_elements_text(types::json)) from ${given}
        on conflict do nothing`,
        lists,
      )
      // In a statement of its own, which sees what another process noted meanwhile.
      const rows = await ask(
        `select p.projection, p.version, p.types from ${quoted}.projection_version p join ${given} using (projection, version)`,
        lists,
      )
      return rows as HandledTypes[]
    },
    async reacts(reactor, types) {
      const rows = await ask(
        `with before as materialized (select types from ${quoted}.reactor_types where reactor = $1),
        noted as (
          insert into ${quoted}.reactor_types (reactor, types) values ($1, $2::text[])
          on conflict (reactor) do update set types = excluded.types, noted_at = excluded.noted_at
        )
        select types from before`,
        [reactor, types],
      )
      return (rows as { readonly types: readonly string[] }[])[0]?.types
    },
  }
}
