import {
  guaranteesPage,
  guaranteesPath,
  namedInvariants,
  namedTests,
} from '../../guarantees/guarantees-page.ts'
import type { NamedTest } from '../../guarantees/promises.ts'
import type { Repository, Rule } from '../repository.ts'

/** The page of guarantees is what its lists say, and every test and planted bug that it names is there. */
export const guarantees: Rule = {
  name: 'guarantees',
  *check(repository) {
    const page = repository.files.find(({ path }) => path === guaranteesPath)
    // Other repositories make no promises.
    if (page === undefined) return
    if (page.text !== guaranteesPage())
      yield {
        path: guaranteesPath,
        message: 'expected what the lists say, got another page; npm run guarantees',
      }
    for (const test of namedTests()) {
      if (!isThere(repository, test))
        yield {
          path: guaranteesPath,
          message: `expected the test "${test.name}" in ${test.file}, got none; name another in scripts/guarantees`,
        }
    }
    for (const invariant of namedInvariants()) {
      if (!hasBug(repository, invariant))
        yield {
          path: guaranteesPath,
          message: `expected planted bugs of ${invariant}, got none; see packages/simulator/src/planted`,
        }
    }
  },
}

function isThere({ files }: Repository, { file, name }: NamedTest): boolean {
  return files.find(({ path }) => path === file)?.text.includes(name) ?? false
}

function hasBug({ files }: Repository, invariant: string): boolean {
  return files.some(
    ({ path, text }) =>
      path.startsWith('packages/simulator/src/planted/') &&
      text.includes(`invariant: '${invariant}'`),
  )
}
