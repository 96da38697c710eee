const special = /["\\]/
const specials = /["\\]/g

/**
 * Values as the text of a PostgreSQL array. Building it here is several times cheaper than leaving it to the driver, which
 * quotes and escapes each value on its own. `plain`: values that need no quotes (numbers, uuids, times, booleans).
 */
export function arrayLiteral(values: readonly (string | null)[], plain: boolean): string {
  if (plain) return `{${values.map((value) => value ?? 'NULL').join(',')}}`
  let text = '{'
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (i > 0) text += ','
    if (value === null) text += 'NULL'
    else text += `"${special.test(value) ? value.replace(specials, '\\$&') : value}"`
  }
  return text + '}'
}
