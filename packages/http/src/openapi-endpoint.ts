import type { App } from 'tailrace'
import type { Inbound, Reply } from './exchange.ts'
import { entityTag } from './entity-tag.ts'
import { openApiDocument } from './openapi.ts'
import { matchesNone } from './request-headers.ts'

/** `GET /openapi.json`: made once, on first demand. */
export function openApiEndpoint(app: App): (request: Inbound) => Reply {
  let made: { readonly body: string; readonly etag: string } | undefined
  return (request) => {
    if (made === undefined) {
      const body = JSON.stringify(openApiDocument(app))
      made = { body, etag: entityTag(body) }
    }
    const headers = { 'cache-control': 'no-cache', etag: made.etag }
    if (matchesNone(request, made.etag)) return { status: 304, headers }
    return {
      status: 200,
      headers: { ...headers, 'content-type': 'application/json' },
      body: made.body,
    }
  }
}
