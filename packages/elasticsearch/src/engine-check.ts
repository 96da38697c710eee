import { TailraceError } from 'tailrace/adapter'
import type { EngineClient } from './engine-client.ts'

export interface EngineKind {
  readonly product: 'OpenSearch' | 'Elasticsearch'
  readonly version: string
}

const oldest = { OpenSearch: 2, Elasticsearch: 8 } as const

/** Asks what answers at the URL. Throws `CONFIG` when it is another product, or too old. */
export async function checkEngine(client: EngineClient): Promise<EngineKind> {
  const { body } = await client.request('GET', '/')
  const { version, tagline } = (typeof body === 'object' && body !== null ? body : {}) as {
    readonly version?: { readonly number?: unknown; readonly distribution?: unknown }
    readonly tagline?: unknown
  }
  const isOpen = version?.distribution === 'opensearch' || /opensearch/i.test(String(tagline))
  const isElastic = !isOpen && /for search/i.test(String(tagline))
  if (typeof version?.number !== 'string' || (!isOpen && !isElastic))
    throw unsuitable(client.url, 'something else')
  const product = isOpen ? 'OpenSearch' : 'Elasticsearch'
  const major = Number.parseInt(version.number, 10)
  // OpenSearch can be told to pass for the version that old clients want.
  const passes = isOpen && version.distribution === undefined && version.number === '7.10.2'
  if (!(major >= oldest[product]) && !passes)
    throw unsuitable(client.url, `${product} ${version.number}`)
  return { product, version: version.number }
}

function unsuitable(url: string, got: string): TailraceError {
  return new TailraceError(
    'CONFIG',
    `expected OpenSearch ${oldest.OpenSearch} or newer, or Elasticsearch ${oldest.Elasticsearch} or newer at ${url}, got ${got}`,
  )
}
