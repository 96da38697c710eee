import { posix } from 'node:path'
import { isCode, type Rule } from '../repository.ts'

const empty = new Set([
  'types',
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'lib',
  'misc',
  'shared',
  'constants',
])

/** A file is named for the concept that it holds, in kebab-case; only a package's entry is called index. */
export const fileNames: Rule = {
  name: 'file names',
  *check({ files }) {
    for (const { path } of files) {
      if (!isCode(path)) continue
      const name = posix
        .basename(path)
        .replace(/(\.(test|engine\.test|bench|config|test-d))?\.tsx?$/, '')
      if (empty.has(name)) {
        yield {
          path,
          message: `expected a name that says what the file holds, got "${name}"; put each thing beside what uses it`,
        }
      } else if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
        yield { path, message: `expected a name in kebab-case, got "${name}"` }
      } else if (name === 'index' && !/^packages\/[^/]+\/src\/index(\.test)?\.ts$/.test(path)) {
        yield {
          path,
          message:
            'expected "index" only as the entry of a package, got a folder barrel; import the files themselves',
        }
      }
    }
  },
}
