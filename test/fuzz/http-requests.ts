import * as fc from 'fast-check'
import { mutatedInputs } from '../../packages/http/test/mutated-inputs.ts'
import { nastyBodies, nastyValues } from '../../packages/http/test/nasty-bodies.ts'
import { schemaValues } from './schema-values.ts'

type Json = { readonly [key: string]: unknown }

/** One request as it is sent. */
export interface FuzzRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer> | undefined
}

interface Operation {
  readonly method: string
  readonly path: string
  readonly parameters: readonly Json[]
  readonly schema: Json | undefined
  readonly example: unknown
  readonly actor: string | undefined
}

const roles = [
  'Bearer demo:customer:ann',
  'Bearer demo:support:sue',
  'Bearer demo:merchant:m',
  'Bearer x',
  '',
]
const shortNasty = nastyValues.filter((text) => text.length < 2_000)
const words = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    'NaN',
    'true',
    '%',
    '%00',
    '%ff',
    '..%2f',
    "'",
    '"',
    ';',
    '\u00e9',
  ),
  fc.string({ maxLength: 40 }),
  fc.uuid(),
)

/** Requests made of an OpenAPI document: its operations, with inputs that fit, that nearly fit, and that do not. */
export function fuzzRequests(document: Json): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(...operationsOf(document).map((operation) => requestsOf(document, operation)))
}

function operationsOf(document: Json): Operation[] {
  return Object.entries(document['paths'] as Record<string, Json>).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Json>).flatMap(([method, operation]): Operation[] => {
      if (path === '/live' || path.endsWith('/live')) return []
      const content = (operation['requestBody'] as { content?: Record<string, Json> } | undefined)
        ?.content?.['application/json']
      const [example] = Object.values((content?.['examples'] ?? {}) as Record<string, Json>)
      return [
        {
          method: method.toUpperCase(),
          path,
          parameters: (operation['parameters'] ?? []) as Json[],
          schema: content?.['schema'] as Json | undefined,
          example: example?.['value'],
          actor: example?.['x-authorization'] as string | undefined,
        },
      ]
    }),
  )
}

function requestsOf(document: Json, operation: Operation): fc.Arbitrary<FuzzRequest> {
  const { method, parameters, schema, example, actor } = operation
  const body: fc.Arbitrary<FuzzRequest['body']> =
    schema === undefined ? fc.constant(undefined) : bodies(document, schema, example)
  return fc
    .record({ path: paths(operation), query: queries(parameters), headers: headers(actor), body })
    .map(({ path, query, headers: given, body: sent }) => ({
      method,
      path: path + query,
      headers: given,
      body: sent,
    }))
}

function bodies(document: Json, schema: Json, example: unknown): fc.Arbitrary<FuzzRequest['body']> {
  const fitting = schemaValues(document, schema).map((value) => JSON.stringify(value))
  const mutated = example === undefined ? fitting : mutatedInputs(example)
  const rekeyed = fc
    .tuple(example === undefined ? fitting : fc.constant(JSON.stringify(example)), fc.nat(30))
    .map(([text, n]) => otherIds(text, n))
  return fc.oneof(
    { weight: 5, arbitrary: rekeyed },
    { weight: 5, arbitrary: mutated },
    { weight: 4, arbitrary: fc.tuple(mutated, fc.nat(30)).map(([text, n]) => otherIds(text, n)) },
    { weight: 4, arbitrary: fitting },
    { weight: 2, arbitrary: fc.constantFrom(...nastyBodies).map((one) => one.body) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.from(bytes)),
    },
  )
}

/** The same input about another thing, so that rules are met in every state of it. */
function otherIds(text: string, n: number): string {
  const last = n.toString(16).padStart(2, '0')
  return text.replaceAll(/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{10})[0-9a-f]{2}/g, `$1${last}`)
}

function paths({ path }: Operation): fc.Arbitrary<string> {
  const holes = path.match(/\{\w+\}/g) ?? []
  if (holes.length === 0) return fc.constant(path)
  return fc
    .tuple(...holes.map(() => words))
    .map((values) =>
      holes.reduce((made, hole, i) => made.replace(hole, () => inAddress(values[i]!)), path),
    )
}

/** Half of the texts go as they are, as far as an address can hold them. */
function inAddress(text: string): string {
  const escaped = text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80'
  return /^[\w%.;'-]*$/.test(text) ? text : escaped
}

function queries(parameters: readonly Json[]): fc.Arbitrary<string> {
  const names = parameters.filter((one) => one['in'] === 'query').map((one) => String(one['name']))
  const name = names.length === 0 ? fc.string({ maxLength: 8 }) : fc.constantFrom(...names)
  const pairs = fc.array(fc.tuple(name, words), { maxLength: 3 })
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    {
      weight: names.length === 0 ? 1 : 4,
      arbitrary: pairs.map((list) =>
        list.length === 0
          ? ''
          : `?${list.map(([key, value]) => `${inAddress(key)}=${inAddress(value)}`).join('&')}`,
      ),
    },
  )
}

function headers(actor: string | undefined): fc.Arbitrary<Record<string, string>> {
  const visible = fc.string({
    unit: fc.integer({ min: 33, max: 126 }).map((n) => String.fromCodePoint(n)),
    maxLength: 300,
  })
  const value = fc.oneof(words, visible, fc.constantFrom(...shortNasty))
  const sometimes = (of: fc.Arbitrary<string>): fc.Arbitrary<string | undefined> =>
    fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of })
  return fc
    .record({
      authorization: fc.oneof(
        { weight: 18, arbitrary: fc.constant(actor ?? roles[0]!) },
        { weight: 2, arbitrary: fc.constantFrom(...roles) },
        { weight: 1, arbitrary: value },
      ),
      'content-type': fc.oneof(
        { weight: 30, arbitrary: fc.constant('application/json') },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            'text/plain',
            'application/json; charset=utf-16',
            'application/',
            '*/*',
          ),
        },
      ),
      'idempotency-key': sometimes(
        fc.oneof(
          fc.nat(40).map((n) => `key-${n}`),
          value,
        ),
      ),
      'consistency-token': sometimes(value),
      'content-encoding': sometimes(fc.constantFrom('gzip', 'br', 'identity', 'x')),
      traceparent: sometimes(value),
      prefer: sometimes(value),
      accept: sometimes(value),
      'if-match': sometimes(value),
      'if-none-match': sometimes(value),
    })
    .map((given) => sendable(given))
}

/** What Fetch refuses to send at all is left out. */
function sendable(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && /^[\t\x20-\x7e\x80-\xff]+$/.test(value.trim()))
      kept[name] = value.trim()
  return kept
}
