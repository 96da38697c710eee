import { randomBytes } from 'node:crypto'
import { engine, type TestEngine } from '../../../test/support/engines.ts'

/** Both products; a test file that harms its engine names one of them. */
export const opensearchEngine: TestEngine = engine('opensearch')
export const elasticsearchEngine: TestEngine = engine('elasticsearch')
export const searchEngines: readonly TestEngine[] = [opensearchEngine, elasticsearchEngine]

/** A prefix that no other test uses. */
export function freshPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`
}

export interface RawAnswer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

/** Asks the engine without the adapter. A request that fails on a connection from before a kill is repeated once. */
export async function raw(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<RawAnswer> {
  const ask = async (): Promise<RawAnswer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
  }
  return ask().catch(ask)
}

/** Removes every index of a prefix. */
export async function removeIndices(url: string, prefix: string): Promise<void> {
  const { body } = await raw(
    url,
    'GET',
    `/_cat/indices/${prefix}.*?h=index&format=json&expand_wildcards=all`,
  )
  for (const { index } of body as { index: string }[]) await raw(url, 'DELETE', `/${index}`)
}
