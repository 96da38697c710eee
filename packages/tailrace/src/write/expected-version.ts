/** What a caller says of the version that it saw: that one, one of several, or `any` that there is. */
export type ExpectedVersion = number | readonly number[] | 'any'

/** Whether an aggregate of this version (0: there is none) is what its caller expects. */
export function isExpected(expected: ExpectedVersion, version: number): boolean {
  if (expected === 'any') return version > 0
  return typeof expected === 'number' ? expected === version : expected.includes(version)
}

/** As a message says it. */
export function expectedText(expected: ExpectedVersion): string {
  if (expected === 'any') return 'any version'
  const versions = [expected].flat()
  return versions.length === 0
    ? 'a version that no number names'
    : `version ${versions.join(' or ')}`
}
