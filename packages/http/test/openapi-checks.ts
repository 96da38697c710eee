type Json = { readonly [key: string]: unknown }

/**
 * What is wrong with an OpenAPI 3.1 document, as far as its structure goes: required members, unique operation ids, path
 * parameters that are declared, references that lead somewhere, examples that fit the place where they stand.
 */
export function checkOpenApi(document: Json): string[] {
  const found: string[] = []
  const wrong = (place: string, what: string): void => void found.push(`${place}: ${what}`)
  if (document.openapi !== '3.1.0') wrong('openapi', 'expected 3.1.0')
  const info = document.info as Json
  if (typeof info?.title !== 'string' || typeof info.version !== 'string')
    wrong('info', 'expected title and version')
  const ids = new Set<string>()
  for (const [path, item] of Object.entries(document.paths as Record<string, Json>)) {
    for (const [method, operation] of Object.entries(item as Record<string, Json>)) {
      const place = `${method} ${path}`
      if (ids.has(operation.operationId as string))
        wrong(place, `operationId "${operation.operationId as string}" is not unique`)
      ids.add(operation.operationId as string)
      for (const what of checkOperation(path, operation)) wrong(place, what)
    }
  }
  for (const reference of referencesOf(document)) {
    if (follow(document, reference) === undefined) wrong(reference, 'leads nowhere')
  }
  return found
}

function* checkOperation(path: string, operation: Json): Iterable<string> {
  const parameters = (operation.parameters ?? []) as Json[]
  for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
    if (!parameters.some((one) => one.in === 'path' && one.name === name && one.required === true))
      yield `no path parameter "${name}"`
  }
  for (const parameter of parameters) {
    if (!['path', 'query', 'header', 'cookie'].includes(parameter.in as string))
      yield `parameter in "${parameter.in as string}"`
    else if ((parameter.schema === undefined) === (parameter.content === undefined))
      yield `parameter "${parameter.name as string}" needs schema or content`
  }
  const body = operation.requestBody as { content?: Record<string, Json> } | undefined
  if (body !== undefined && body.content === undefined) yield 'a request body without content'
  const responses = Object.entries(operation.responses as Record<string, Json>)
  if (responses.length === 0) yield 'no response'
  for (const [status, response] of responses) {
    if (!/^[1-5]\d\d$/.test(status)) yield `status "${status}"`
    if (typeof response.description !== 'string') yield `response ${status} without description`
  }
}

function referencesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = typeof (value as Json).$ref === 'string' ? [(value as Json).$ref as string] : []
  return [...own, ...Object.values(value).flatMap(referencesOf)]
}

function follow(document: Json, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined
  let found: unknown = document
  for (const part of reference.slice(2).split('/'))
    found = (found as Json | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  return found
}

export interface ExampleAnswer {
  readonly operation: string
  readonly status: number
  readonly body: unknown
}

/**
 * Sends every example of a document in the order in which they stand, as body or in the address, each question with the
 * token of the last command.
 */
export async function runExamples(
  document: Json,
  call: (path: string, init: RequestInit) => Promise<Response>,
): Promise<ExampleAnswer[]> {
  const answers: ExampleAnswer[] = []
  let token: string | undefined
  for (const [path, item] of Object.entries(document.paths as Record<string, Json>)) {
    for (const [method, operation] of Object.entries(item as Record<string, Json>)) {
      for (const example of examplesOf(operation)) {
        const headers: Record<string, string> = { 'content-type': 'application/json' }
        if (typeof example['x-authorization'] === 'string')
          headers.authorization = example['x-authorization']
        if (token !== undefined && path.startsWith('/queries/'))
          headers['consistency-token'] = token
        const text = JSON.stringify(example.value)
        const response =
          method === 'get'
            ? await call(`${path}?input=${encodeURIComponent(text)}`, { headers })
            : await call(path, { method: method.toUpperCase(), headers, body: text })
        token =
          (path.startsWith('/commands/') && response.headers.get('consistency-token')) || token
        answers.push({
          operation: operation.operationId as string,
          status: response.status,
          body: await response.json(),
        })
      }
    }
  }
  return answers
}

type Content = { readonly content?: Record<string, Json> } | undefined

/** Of the body, or of the parameter that stands for it. */
function examplesOf(operation: Json): Json[] {
  const parameters = (operation.parameters ?? []) as { name: string; content?: Content }[]
  const input = parameters.find(({ name }) => name === 'input') as Content
  const content = (operation.requestBody as Content) ?? input
  return Object.values(
    (content?.content?.['application/json']?.examples ?? {}) as Record<string, Json>,
  )
}
