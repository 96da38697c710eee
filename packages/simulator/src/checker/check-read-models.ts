import type { Violation } from './history.ts'

/** A read model at rest: key → canonical text. */
export type Dump = ReadonlyMap<string, string>

/** The read model is, byte for byte, what a clean fold of the log makes. */
export function checkReadModel(name: string, found: Dump, wanted: Dump): Violation[] {
  const violations: Violation[] = []
  const say = (text: string): void => void violations.push({ invariant: 'I20', text })
  for (const [key, text] of wanted) {
    const other = found.get(key)
    if (other === undefined) say(`${name} lacks ${key}, which should be ${text}`)
    else if (other !== text) say(`${name} has ${key} as ${other}, which should be ${text}`)
  }
  for (const [key, text] of found)
    if (!wanted.has(key)) say(`${name} has ${key} as ${text}, which should not be there`)
  return violations
}
