import { isCode, isTest, lineAt, type Rule } from '../repository.ts'
import { withoutComments } from '../syntax.ts'

/** The word that names each adapter in code, and the package that may say it. */
const adapters: ReadonlyMap<string, string> = new Map([
  ['postgres', 'postgres'],
  ['lmdb', 'lmdb'],
  ['kafka', 'kafka'],
  ['rabbitmq', 'rabbitmq'],
  ['nats', 'nats'],
  ['redis', 'redis'],
  ['elasticsearch', 'elasticsearch'],
  ['opensearch', 'elasticsearch'],
  ['clickhouse', 'clickhouse'],
  ['cassandra', 'cassandra'],
])

/**
 * Code outside an adapter works through its port, and so never names it: no `if (store === 'redis')`. The product's
 * name for its database, "PostgreSQL", is prose and allowed. Only the file that composes a system names adapters.
 */
export const adapterNames: Rule = {
  name: 'adapter names',
  *check({ files }) {
    for (const file of files) {
      if (!isCode(file.path) || isTest(file.path) || mayName(file.path)) continue
      const code = withoutComments(file)
      for (const { 0: word, index } of code.matchAll(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g)) {
        const owner = adapters.get(word.toLowerCase())
        if (
          owner === undefined ||
          file.path.startsWith(`packages/${owner}/`) ||
          isProse(code, index)
        )
          continue
        yield {
          path: file.path,
          line: lineAt(code, index),
          message: `expected no adapter's name here, got "${word}"; use what the port declares`,
        }
      }
    }
  },
}

function mayName(path: string): boolean {
  return (
    /^systems\/[^/]+\/((\w+\/)?main|engines)\.ts$/.test(path) ||
    /^(bench|docs|scripts|test)\//.test(path)
  )
}

function isProse(code: string, index: number): boolean {
  return code.startsWith('PostgreSQL', index)
}
