/** Quotes an identifier. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a string literal that holds no backslash escapes. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** `totalMinor` → `total_minor`. */
export function columnOf(property: string): string {
  return property.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `total_minor` → `totalMinor`. */
export function propertyOf(column: string): string {
  return column.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
