import { lineAt, type Rule } from '../repository.ts'

const personal = /(?<![\w.@:/-])(\/(home|Users|root|work)\/[\w.-]+|[A-Z]:\\Users\\\w+)/g
const registry = /"resolved": "https?:|https?:\/\/registry\./g

/** What works on one machine only: paths of somebody's disk, and the registry that a lockfile was made with. */
export const machinePaths: Rule = {
  name: 'machine paths',
  *check({ files }) {
    for (const { path, text } of files) {
      for (const { 0: found, index } of text.matchAll(personal)) {
        yield {
          path,
          line: lineAt(text, index),
          message: `expected no path of one machine, got "${found}"; make it relative`,
        }
      }
      for (const { index } of text.matchAll(registry)) {
        yield {
          path,
          line: lineAt(text, index),
          message:
            'expected no address of a registry, got one; install with the .npmrc of this repository',
        }
      }
    }
  },
}
