import type { App, CallExample } from 'tailrace'
import {
  commandStatusSchema,
  headerParameters,
  metaSchema,
  problemSchema,
} from './openapi-parts.ts'
import { commandResponses, queryResponses } from './openapi-responses.ts'
import { SchemaBook } from './schema-book.ts'
import type { JsonSchema } from './unknown-fields.ts'

type Operation = Record<string, unknown>

/** The OpenAPI 3.1 document of an application, from its registry: nothing of it is written twice. */
export function openApiDocument(app: App, title = 'Tailrace application'): Record<string, unknown> {
  const book = new SchemaBook()
  const paths: Record<string, unknown> = {}
  for (const command of Object.values(app.commands)) {
    // What only the system itself issues cannot be called from outside.
    if (command.may !== 'system')
      paths[`/commands/${command.name}`] = { post: commandOperation(command, book) }
  }
  for (const query of Object.values(app.queries)) {
    if (query.may !== 'system') paths[`/queries/${query.name}`] = queryOperations(query, book)
  }
  return {
    openapi: '3.1.0',
    info: { title, version: '1', description: intro },
    paths: { ...paths, ...fixedPaths },
    components: {
      schemas: {
        Problem: problemSchema,
        Meta: metaSchema,
        CommandStatus: commandStatusSchema,
        ...book.schemas,
      },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  }
}

const intro =
  'Examples work in the order in which they stand, against a fresh start: first the commands, then the queries. ' +
  'An example that needs an identity names its Authorization header in `x-authorization`.'

function commandOperation(command: App['commands'][string], book: SchemaBook): Operation {
  return {
    operationId: command.name,
    tags: ['commands'],
    ...securityOf(command.may),
    parameters: headerParameters('idempotencyKey', 'ifMatch', 'traceparent'),
    requestBody: bodyOf(book.input(`${command.name}Input`, command.input), command.examples),
    responses: commandResponses(command, book),
  }
}

function queryOperations(
  query: App['queries'][string],
  book: SchemaBook,
): Record<string, Operation> {
  const schema = book.input(`${query.name}Input`, query.input)
  const common = {
    tags: ['queries'],
    ...securityOf(query.may),
    responses: queryResponses(query, book),
  }
  const headers = headerParameters('consistencyToken', 'prefer', 'ifNoneMatch')
  const description = 'The input as JSON. Default: {}'
  const input = {
    name: 'input',
    in: 'query',
    description,
    content: { 'application/json': { schema } },
  }
  return {
    post: {
      operationId: query.name,
      ...common,
      parameters: headers,
      requestBody: bodyOf(schema, query.examples),
    },
    get: { operationId: `${query.name}ByAddress`, ...common, parameters: [input, ...headers] },
  }
}

function bodyOf(
  schema: JsonSchema,
  examples: readonly CallExample<unknown>[],
): Record<string, unknown> {
  const named = examples.map(({ input, as }, index) => [
    `example-${index + 1}`,
    {
      value: input,
      ...(as === undefined ? {} : { 'x-authorization': `Bearer demo:${as.role}:${as.id}` }),
    },
  ])
  const content = { schema, ...(named.length === 0 ? {} : { examples: Object.fromEntries(named) }) }
  return { required: true, content: { 'application/json': content } }
}

function securityOf(policy: unknown): Record<string, unknown> {
  return { security: policy === 'anyone' ? [] : [{ bearer: [] }] }
}

const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }

const fixedPaths = {
  '/commands/{commandId}': {
    get: {
      operationId: 'getCommand',
      description:
        'What became of a command, and which read models have it. The whole stored answer is had by sending the same ' +
        'command again with its Idempotency-Key, which only its sender can.',
      tags: ['commands'],
      security: [{ bearer: [] }],
      parameters: [
        {
          name: 'commandId',
          in: 'path',
          required: true,
          schema: { type: 'string', format: 'uuid' },
        },
      ],
      responses: {
        200: {
          description: 'Known',
          content: {
            'application/json': { schema: { $ref: '#/components/schemas/CommandStatus' } },
          },
        },
        404: { description: 'Nothing is known of the id', content: problem },
      },
    },
  },
  '/live': {
    get: {
      operationId: 'live',
      tags: ['queries'],
      security: [{ bearer: [] }],
      parameters: [
        {
          name: 'queries',
          in: 'query',
          description: 'Names with commas between them. Default: all',
          schema: { type: 'string' },
        },
        {
          name: 'Last-Event-ID',
          in: 'header',
          description: 'Resumes after this position',
          schema: { type: 'string' },
        },
      ],
      responses: {
        200: {
          description:
            'Server-sent events `checkpoint`: a read model has moved, the named queries have another answer',
          content: { 'text/event-stream': { schema: { type: 'string' } } },
        },
        503: { description: 'Too many listeners', content: problem },
      },
    },
  },
}
