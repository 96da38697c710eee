const pattern =
  /^(\d{4}|1\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/

/** The farthest that a place is from UTC for PostgreSQL. */
const offsetMaxMs = 16 * 3_600_000 - 1

/**
 * Milliseconds of a `timestamptz` as PostgreSQL writes it (`ISO`) in any time zone; undefined for any other text. Offsets of
 * times before there were zones have seconds, and at the edges of our years the text may be of another year than the instant.
 */
export function instantOf(text: string): number | undefined {
  const found = pattern.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (year === 0 || hour > 23 || minute > 59 || second > 59) return undefined
  // Not by the constructor, which takes years below 100 for those of the last century.
  const date = new Date(0)
  date.setUTCFullYear(found[12] === undefined ? year : 1 - year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  date.setUTCHours(hour, minute, second, Number((found[7] ?? '').padEnd(3, '0').slice(0, 3)))
  const [hours, minutes, seconds] = found.slice(9, 12).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
  ]
  const offset = ((hours * 60 + minutes) * 60 + seconds) * 1_000
  if (minutes > 59 || seconds > 59 || offset > offsetMaxMs) return undefined
  return date.getTime() - (found[8] === '-' ? -offset : offset)
}
