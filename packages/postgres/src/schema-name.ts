import { TailraceError } from 'tailrace/adapter'

/** Checks the name of a database schema and quotes it. Throws `CONFIG`. */
export function quotedSchema(schema: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new TailraceError(
      'CONFIG',
      `expected the schema's name to be up to 63 lower-case letters, digits and underscores, got ${JSON.stringify(schema)}; choose another name`,
    )
  }
  return `"${schema}"`
}
