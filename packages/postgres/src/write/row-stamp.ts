/**
 * Which write made a root row, as SQL of a text: the transaction, and the run of the server that has it. Versions begin
 * anew when an aggregate is deleted and made again; ids of transactions when the server is set back, or a copy takes over
 * that lacks the end. The run is asked for once per statement.
 */
export function rowStampSql(table: string): string {
  return `${table}.xmin::text || (select '/' || extract(epoch from pg_postmaster_start_time())::text)`
}
