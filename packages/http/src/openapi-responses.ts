import type { App, RejectionDef } from 'tailrace'
import { headerSchemas } from './openapi-parts.ts'
import { problemStatus, rejectionStatus, type ProblemCode } from './problem-status.ts'
import { problemMembers } from './problem.ts'
import type { SchemaBook } from './schema-book.ts'
import type { JsonSchema } from './unknown-fields.ts'

const requestProblems: readonly ProblemCode[] = [
  'BODY_MALFORMED',
  'HEADER_INVALID',
  'NOT_AUTHENTICATED',
  'NOT_ALLOWED',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'INPUT_INVALID',
  'OVERLOADED',
]
const commandProblems: readonly ProblemCode[] = [
  ...requestProblems,
  'IDEMPOTENCY_KEY_REUSED',
  'COMMAND_IN_PROGRESS',
  'VERSION_CONFLICT',
  'COMMAND_TOO_BUSY',
  'CONTENTION',
  'COMMAND_OUTCOME_UNKNOWN',
  'UNAVAILABLE',
  'COMMAND_FAILED',
]
const queryProblems: readonly ProblemCode[] = [
  ...requestProblems,
  'INVALID_TOKEN',
  'TOKEN_OF_ANOTHER_HISTORY',
  'CURSOR_INVALID',
  'NOT_CAUGHT_UP',
  'TOO_MANY_WAITERS',
  'UNAVAILABLE',
  'QUERY_FAILED',
  'READ_STORE_DAMAGED',
]

type RejectionSet = Readonly<Record<string, RejectionDef<unknown>>>

type Described = {
  readonly status: number
  readonly title: string
  readonly code: string
  readonly detail?: JsonSchema
}

/** The answers of a command: accepted, and each way to be refused as a schema of its own with its code as a constant. */
export function commandResponses(
  command: App['commands'][string],
  book: SchemaBook,
): Record<string, unknown> {
  const own = Object.entries(command.rejections as RejectionSet).map(
    ([code, rejection]): Described => {
      const detail =
        rejection.detail === undefined
          ? undefined
          : book.output(`${command.name}_${code}`, rejection.detail)
      return {
        status: rejectionStatus[rejection.kind],
        title: `Rejected: ${code}`,
        code,
        ...(detail === undefined ? {} : { detail }),
      }
    },
  )
  const presence = command.kind === 'command' ? presenceProblems[command.on] : []
  const general = [...commandProblems, ...presence]
    .map(fromTable)
    .filter(({ code }) => command.rejections[code] === undefined)
  return { 200: accepted, ...grouped([...own, ...general]) }
}

const presenceProblems = { new: ['AGGREGATE_EXISTS'], existing: ['NOT_FOUND'], either: [] } as const

/** The answers of a query: data with its freshness, or the ways to be refused. */
export function queryResponses(
  query: App['queries'][string],
  book: SchemaBook,
  more: readonly ProblemCode[] = [],
): Record<string, unknown> {
  const data = book.output(query.name, query.output)
  const answer = {
    type: 'object',
    required: ['data', 'meta'],
    properties: { data, meta: { $ref: '#/components/schemas/Meta' } },
  }
  return {
    200: {
      description: 'The data, and how fresh it is',
      headers: headerSchemas(
        'Consistency-Token',
        'ETag',
        'Read-Model-Position',
        'Read-Model-As-Of',
        'Read-Model-Lag',
        'Preference-Applied',
      ),
      content: { 'application/json': { schema: answer } },
    },
    304: {
      description:
        'The data is what the entity tag of If-None-Match stands for; the headers say how fresh',
    },
    ...problemResponses([...queryProblems, ...more]),
  }
}

/** The answers that are problems of the table. */
export function problemResponses(codes: readonly ProblemCode[]): Record<string, unknown> {
  return grouped(codes.map(fromTable))
}

const accepted = {
  description: 'Committed. The token lets a query wait until it sees the effect',
  headers: headerSchemas('Consistency-Token', 'Idempotency-Replayed'),
  links: {
    status: {
      operationId: 'getCommand',
      parameters: { commandId: '$response.body#/commandId' },
      description: 'What became of it, and which read models have it',
    },
  },
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['commandId', 'aggregateId', 'version', 'token'],
        properties: {
          commandId: { type: 'string', format: 'uuid' },
          aggregateId: { type: 'string' },
          version: { type: 'integer', minimum: 1 },
          token: { type: 'string' },
        },
      },
    },
  },
}

function fromTable(code: ProblemCode): Described {
  const [status, title] = problemStatus[code]
  return { status, title, code }
}

function grouped(list: readonly Described[]): Record<string, unknown> {
  const byStatus = Map.groupBy(list, ({ status }) => status)
  const entries = [...byStatus].map(([status, items]) => {
    const schemas = items.map(schemaOf)
    const response = {
      description: items.map(({ title }) => title).join('; '),
      ...headersOf(status, items),
      content: {
        'application/problem+json': {
          schema: schemas.length === 1 ? schemas[0] : { oneOf: schemas },
        },
      },
    }
    return [status, response]
  })
  return Object.fromEntries(entries)
}

function headersOf(status: number, items: readonly Described[]): Record<string, unknown> {
  if (status === 405) return { headers: headerSchemas('Allow') }
  const later = status === 503 || items.some(({ code }) => code === 'COMMAND_IN_PROGRESS')
  return later ? { headers: headerSchemas('Retry-After') } : {}
}

/** A problem with its code as a constant, and the members that the detail of a rejection adds. */
function schemaOf({ title, code, status, detail }: Described): JsonSchema {
  const head = { title, allOf: [{ $ref: '#/components/schemas/Problem' }] }
  const constants = { code: { const: code }, status: { const: status } }
  if (code === 'VERSION_CONFLICT')
    return {
      ...head,
      properties: { ...constants, current: { type: 'integer' } },
      required: ['current'],
    }
  const properties = detail?.properties as Record<string, JsonSchema> | undefined
  if (detail === undefined) return { ...head, properties: constants }
  if (properties === undefined || Object.keys(properties).some((key) => problemMembers.has(key))) {
    return { ...head, properties: { ...constants, data: detail } }
  }
  return {
    ...head,
    properties: { ...constants, ...properties },
    ...(detail.required === undefined ? {} : { required: detail.required }),
  }
}
